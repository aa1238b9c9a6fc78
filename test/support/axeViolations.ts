import axe from "axe-core";
import type { Page } from "./chromium.ts";

const run = `axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`;

/** What axe finds wrong in the view that the page shows: rules, each with the first element that breaks it. */
export async function axeViolations(page: Page): Promise<unknown> {
  // Half a megabyte, once for all views of a page.
  if ((await page.evaluate("globalThis.axe === undefined")) === true)
    await page.evaluate(`${axe.source}; null`);
  return page.evaluate(run);
}
