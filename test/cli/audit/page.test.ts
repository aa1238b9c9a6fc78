import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../../../cli/audit/audit.ts";
import { renderHtml } from "../../../cli/audit/html/page.ts";
import { type Browser, chromium, openBrowser, type Rendered, type View } from "./chromium.ts";
import { hostileVersions } from "./hostile.ts";
import { contoso, now, type Vaults, vaultHistoryOf, vaultsWith } from "./samples.ts";

const phone: View = { media: "screen", width: 390 };
/** One pixel wider than the layout for phones. */
const tablet: View = { media: "screen", width: 769 };
const desk: View = { media: "screen", width: 1280 };
/** A4 between its margins. */
const paper: View = { media: "print", width: 700 };

const title = "the report in Chromium (skipped where none is installed)";
describe.skipIf(chromium === undefined)(title, () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "audit-page-"));
    browser = await openBrowser(chromium ?? "");
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function render(page: string, ...views: readonly View[]): Promise<Rendered> {
    const file = path.join(folder, "report.html");
    await writeFile(file, page);
    return browser.render(file, views);
  }

  async function pageOf(vaults: Vaults): Promise<string> {
    const report = await audit(
      { vaults: [contoso], everyDays: 30 },
      { vaultHistory: vaultHistoryOf(vaults), now },
    );
    return renderHtml(report);
  }

  test.each<[string, Vaults]>([
    ["3 gateways", vaultsWith(3)],
    ["200 gateways", vaultsWith(200)],
    ["hostile tags in a secret with the longest name", { [contoso]: { ["n".repeat(127)]: hostileVersions } }],
  ])("%s → no sideways scrolling on a phone, a desk or paper, and no broken policy", async (_, vaults) => {
    const views = [phone, tablet, desk, paper];
    const widths = views.map(({ width }) => width);
    expect(await render(await pageOf(vaults), ...views)).toEqual({ widths, log: [] });
  });

  test("a style or an image added to the page → refused by the page's policy", async () => {
    const page = await pageOf(vaultsWith(3));
    const refused = [expect.stringContaining("Content Security Policy")];
    for (const addition of [
      "<style>body{max-width:none;width:2000px}</style>",
      '<p style="width:2000px">',
      '<img src="a.png">',
    ]) {
      const added = await render(page.replace("<header>", `<header>${addition}`), phone);
      expect(added).toEqual({ widths: [phone.width], log: refused });
    }
  });

  test("a line that cannot wrap → the page is measured as too wide", async () => {
    const page = (await pageOf(vaultsWith(3))).replace("<header>", `<header><pre>${"x".repeat(200)}</pre>`);
    const views = [phone, tablet, desk, phone, paper];
    const { widths } = await render(page, ...views);
    for (const [place, { width }] of views.entries()) expect(widths[place]).toBeGreaterThan(width);
  });
});
