import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderHtml } from "../../../cli/audit/html/page.ts";
import { axeViolations } from "../../support/axeViolations.ts";
import { type Browser, chromium, openBrowser, type Page, type View } from "../../support/chromium.ts";
import { textProblems } from "../../support/textProblems.ts";
import { hostileVersions } from "./hostile.ts";
import { contoso, reportOf, type Vaults, vaultsWith } from "./samples.ts";

const phone: View = { media: "screen", width: 390 };
/** One pixel wider than the layout for phones. */
const tablet: View = { media: "screen", width: 769 };
const desk: View = { media: "screen", width: 1400 };
/** A4 between its margins. */
const paper: View = { media: "print", width: 700 };
const views = [phone, tablet, desk, paper];

/** The first ones: thousands of rows take a browser minutes. */
const unfold =
  '[...document.querySelectorAll("details")].slice(0, 5).forEach((fold) => { fold.open = true })';

if (chromium === undefined) {
  console.warn("No Chromium in PATH: the tests of the report as it is displayed are skipped.");
}

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

  async function open(markup: string): Promise<Page> {
    const file = path.join(folder, "report.html");
    await writeFile(file, markup);
    return browser.open(`file://${file}`);
  }

  const pageOf = async (vaults: Vaults) => renderHtml(await reportOf(vaults));

  const samples: readonly (readonly [string, Vaults])[] = [
    ["no gateway", {}],
    ["1 gateway", vaultsWith(1)],
    ["3 gateways", vaultsWith(3)],
    ["20 gateways", vaultsWith(20)],
    ["hostile tags in a secret with the longest name", { [contoso]: { ["n".repeat(127)]: hostileVersions } }],
  ];

  /** On a phone, a tablet, a desk and paper, folded and then unfolded. Also checks that the browser reported nothing. */
  async function expectReadableText(page: Page): Promise<void> {
    for (const isUnfolded of [false, true]) {
      if (isUnfolded) await page.evaluate(unfold);
      for (const view of views) {
        const width = await page.show(view);
        const { lines, problems } = await textProblems(page);
        expect({ view, width, problems }).toEqual({ view, width: view.width, problems: [] });
        expect(lines).toBeGreaterThan(5);
      }
    }
    expect(page.log).toEqual([]);
  }

  test.each(samples)(
    "%s → no text is cut or overlaps; axe finds nothing, light or dark",
    async (_, vaults) => {
      const page = await open(await pageOf(vaults));
      await expectReadableText(page);
      for (const view of [phone, { ...desk, scheme: "dark" } as const]) {
        await page.show(view);
        expect(await axeViolations(page)).toEqual([]);
      }
      await page.close();
    },
  );

  // axe takes minutes for a page of 200.
  test("200 gateways → no text is cut or overlaps", async () => {
    const page = await open(await pageOf(vaultsWith(200)));
    await expectReadableText(page);
    await page.close();
  });

  test("text that is cut or moved over other text, a picture without a name → found", async () => {
    const page = await open(await pageOf(vaultsWith(3)));
    await page.show(desk);
    await page.evaluate('document.querySelector(".lead").style.marginTop = "-40px"');
    expect((await textProblems(page)).problems).toEqual([
      expect.stringMatching(/^overlap: 1 problem and .* Key rotation audit/),
    ]);
    await page.evaluate('document.querySelector(".lead").style.cssText = "width:50px;white-space:nowrap"');
    expect((await textProblems(page)).problems).toEqual([expect.stringMatching(/^cut: 1 problem and/)]);
    await page.evaluate('document.querySelector("svg[role=img]").removeAttribute("aria-labelledby")');
    await page.evaluate('document.querySelector("svg[role=img] title").remove()');
    expect(await axeViolations(page)).toEqual([expect.stringMatching(/^svg-img-alt/)]);
    await page.close();
  });

  test("the filter → hides other gateways and their findings on the screen, and no link leads nowhere", async () => {
    const page = await open(await pageOf(vaultsWith(60)));
    const rows = (selector: string) =>
      page.evaluate(
        `[...document.querySelectorAll("${selector}")].filter((row) => row.checkVisibility()).length`,
      );
    await page.show(phone);
    expect([await rows("tr.item"), await rows(".history")]).toEqual([60, 60]);
    await page.evaluate('document.querySelector("#show-problem").click()');
    const problems = await page.evaluate('document.querySelectorAll("tr.item.problem").length');
    expect(problems).toBeGreaterThan(0);
    expect([await rows("tr.item"), await rows(".history")]).toEqual([problems, problems]);
    expect(await rows(".kind:not(.problem)")).toBe(0);
    const links = `[...document.querySelectorAll('a[href^="#h"]')].filter((link) => link.checkVisibility())`;
    const targets = "document.querySelector(link.hash).parentElement.checkVisibility()";
    expect(await page.evaluate(`${links}.length`)).toBeGreaterThan(5);
    expect(await page.evaluate(`${links}.filter((link) => !${targets}).length`)).toBe(0);
    await page.show(paper);
    expect(await rows("tr.item")).toBe(60);
    await page.close();
  });

  test("a style or an image added to the page → refused by the page's policy", async () => {
    const markup = await pageOf(vaultsWith(3));
    for (const addition of [
      "<style>body{max-width:none;width:2000px}</style>",
      '<p style="width:2000px">',
      '<img src="a.png">',
    ]) {
      const page = await open(markup.replace("<header>", `<header>${addition}`));
      expect(await page.show(phone)).toBe(phone.width);
      expect(page.log).toEqual([expect.stringContaining("Content Security Policy")]);
      await page.close();
    }
  });

  test("a line that cannot wrap → the page is measured as too wide", async () => {
    const markup = await pageOf(vaultsWith(3));
    const page = await open(markup.replace("<header>", `<header><pre>${"x".repeat(200)}</pre>`));
    for (const view of [...views, phone]) expect(await page.show(view)).toBeGreaterThan(view.width);
    await page.close();
  });
});
