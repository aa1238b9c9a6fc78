import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { renderHtml } from "../../src/audit/html/page.ts";
import { type Browser, chromium, openBrowser } from "./chromium.ts";
import { hostileVersions } from "./hostile.ts";
import { contoso, now, type Vaults, vaultHistoryOf, vaultsWith } from "./samples.ts";

const phone = 390;
/** A4 between its margins. */
const paper = 700;

describe.skipIf(chromium === undefined)("the report in Chromium (skipped where none is installed)", () => {
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

  async function render(page: string, width: number, media: "screen" | "print" = "screen") {
    const file = path.join(folder, "report.html");
    await writeFile(file, page);
    return browser.render(file, width, media);
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
  ])(
    "%s → nothing to scroll sideways on a phone, on a desk or on paper, and no policy is broken",
    async (_, vaults) => {
      const page = await pageOf(vaults);
      for (const width of [phone, 768, 1280]) {
        expect(await render(page, width)).toEqual({ width, log: [] });
      }
      expect(await render(page, paper, "print")).toEqual({ width: paper, log: [] });
    },
  );

  test("a style or an image that somebody adds → refused by the page's policy", async () => {
    const page = await pageOf(vaultsWith(3));
    const refused = [expect.stringContaining("Content Security Policy")];
    for (const addition of [
      "<style>body{max-width:none;width:2000px}</style>",
      '<p style="width:2000px">',
      '<img src="a.png">',
    ]) {
      const added = await render(page.replace("<header>", `<header>${addition}`), phone);
      expect(added).toEqual({ width: phone, log: refused });
    }
  });

  test("a line that cannot be wrapped → the page is seen to be too wide", async () => {
    const page = await pageOf(vaultsWith(3));
    const { width } = await render(page.replace("<header>", `<header><pre>${"x".repeat(200)}</pre>`), phone);
    expect(width).toBeGreaterThan(phone);
  });
});
