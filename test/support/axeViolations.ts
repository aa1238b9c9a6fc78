import axe from "axe-core";
import type { Page } from "./chromium.ts";

const run = `axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`;

/** What axe finds wrong in the view that the page shows: rules, each with the first element that breaks it. */
export const axeViolations = (page: Page): Promise<unknown> => page.evaluate(`${axe.source}; ${run}`);
