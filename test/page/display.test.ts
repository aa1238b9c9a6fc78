import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Gateway } from "../../page/answers.ts";
import { axeViolations } from "../support/axeViolations.ts";
import { type Browser, chromium, openBrowser, type Page, type View } from "../support/chromium.ts";
import { textProblems } from "../support/textProblems.ts";
import { operatorOf } from "./operator.ts";
import { type PageServer, startPageServer } from "./pageServer.ts";
import { dryRun, fiveHundred, oneOfEach, runningRun, settledRun, three } from "./samples.ts";

const phone: View = { media: "screen", width: 390 };
/** One pixel wider than the layout for phones. */
const tablet: View = { media: "screen", width: 897 };
const desk: View = { media: "screen", width: 1400 };

/** What lies over other text on purpose stays where it is in the text; a dialog is measured without what it covers. */
const flatten = `{
  for (const each of document.querySelectorAll(".actions, dialog, dialog .buttons")) each.style.position = "static";
  const dialog = document.querySelector("dialog");
  if (dialog !== null) {
    dialog.style.maxHeight = "none";
    for (const each of document.querySelectorAll("header, main, footer, .actions")) each.style.display = "none";
  }
}`;

type Operator = ReturnType<typeof operatorOf>;

async function openDialog(operator: Operator): Promise<void> {
  await operator.click("#all");
  await operator.push("Dry run or rotate…");
}

async function rotate(operator: Operator): Promise<void> {
  await openDialog(operator);
  await operator.fill("#reason", "a leaver");
  await operator.fill("#confirm", "*");
  await operator.click("button[value=rotate]");
}

if (chromium === undefined) {
  console.warn("No Chromium in PATH: the tests of the status page as it is displayed are skipped.");
}

const title = "the status page in Chromium (skipped where none is installed)";
describe.skipIf(chromium === undefined)(title, () => {
  let browser: Browser;
  let server: PageServer;

  beforeAll(async () => {
    server = await startPageServer();
    browser = await openBrowser(chromium ?? "");
  });
  beforeEach(() => {
    server.answers = { gateways: three, dryRun };
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  async function unlocked(gateways: readonly Gateway[]) {
    server.answers = { ...server.answers, gateways };
    const page = await browser.open(server.url);
    const operator = operatorOf(page);
    await operator.unlock(server.key);
    await operator.until('document.querySelector("#gateways") !== null');
    return { page, operator };
  }

  const situations: readonly (readonly [string, () => Promise<Page>])[] = [
    ["the question for the key", () => browser.open(server.url)],
    [
      "a refused key",
      async () => {
        const page = await browser.open(server.url);
        await operatorOf(page).unlock("wrong");
        await operatorOf(page).sees("not accepted");
        return page;
      },
    ],
    ["no gateway", async () => (await unlocked([])).page],
    ["3 gateways", async () => (await unlocked(three)).page],
    [
      "a gateway in each state, with all details",
      async () => {
        const { page } = await unlocked(oneOfEach);
        await page.evaluate('document.querySelectorAll("details").forEach((each) => { each.open = true })');
        return page;
      },
    ],
    [
      "selected gateways",
      async () => {
        const { page, operator } = await unlocked(three);
        await operator.click("#all");
        await operator.sees("3 gateways selected");
        return page;
      },
    ],
    [
      "the dialog with a dry run",
      async () => {
        const { page, operator } = await unlocked(oneOfEach);
        await openDialog(operator);
        await operator.push("Dry run");
        await operator.sees("Dry run: 2 of 3 gateways ready");
        return page;
      },
    ],
    [
      "a run in progress",
      async () => {
        server.answers = { ...server.answers, run: runningRun(6) };
        const { page, operator } = await unlocked(oneOfEach);
        await rotate(operator);
        await operator.sees("Rotation in progress");
        return page;
      },
    ],
    [
      "a run that ended",
      async () => {
        server.answers = { ...server.answers, run: settledRun };
        const { page, operator } = await unlocked(three);
        await rotate(operator);
        await operator.sees("Rotation ended");
        await operator.sees("0cf5bfb8e3cfb7ce864a7af8d680176b, a9727e51ef8193263c6d8329b00a007e");
        return page;
      },
    ],
  ];

  /** Also checks that the browser reported nothing. */
  async function expectReadableText(page: Page): Promise<void> {
    await page.evaluate(flatten);
    for (const view of [phone, tablet, desk]) {
      const width = await page.show(view);
      const { lines, problems } = await textProblems(page);
      expect({ view, width, problems }).toEqual({ view, width: view.width, problems: [] });
      expect(lines).toBeGreaterThan(4);
    }
    expect(page.log.filter((line) => !line.includes("401"))).toEqual([]);
  }

  test.each(situations)(
    "%s → axe finds nothing, light or dark; no text is cut or overlaps",
    async (_, open) => {
      const page = await open();
      for (const view of [phone, { ...desk, scheme: "dark" } as const]) {
        await page.show(view);
        expect(await axeViolations(page)).toEqual([]);
      }
      await expectReadableText(page);
      await page.close();
    },
  );

  // axe takes minutes for hundreds of rows; they are the same as those of a few.
  test("500 gateways, and a run of them → no text is cut or overlaps", async () => {
    server.answers = { ...server.answers, run: runningRun(500) };
    const { page, operator } = await unlocked(fiveHundred);
    await rotate(operator);
    await operator.sees("Rotation in progress");
    await expectReadableText(page);
    await page.close();
  });

  test("text in the color of the page, a field without a label → axe finds them", async () => {
    const { page } = await unlocked(three);
    await page.evaluate('document.querySelector("label[for=filter]").remove()');
    await page.evaluate('document.querySelector("#filter").placeholder = ""');
    await page.evaluate('document.querySelector(".lead").style.color = "#eee"');
    expect(await axeViolations(page)).toEqual([
      expect.stringMatching(/^color-contrast/),
      expect.stringMatching(/^label/),
    ]);
    await page.close();
  });

  test("500 gateways and a filter → the matching ones only, and those alone are selected", async () => {
    const { page, operator } = await unlocked(fiveHundred);
    const rows = () => page.evaluate('document.querySelectorAll("tbody tr").length');
    expect(await rows()).toBe(500);
    expect(await page.evaluate('document.querySelector("tbody tr").dataset.gateway')).toBe("gatewaytest");
    await operator.fill("#filter", "runtime-49 rotated");
    await operator.until('document.querySelectorAll("tbody tr").length === 11');
    await operator.click("#all");
    await operator.sees("11 gateways selected");
    await operator.push("Dry run or rotate…");
    await operator.sees("Rotate 11 gateways");
    // Named ones need no further confirmation.
    expect(await page.evaluate('document.querySelector("#confirm")')).toBe(null);
    await page.press("Escape");
    await operator.fill("#filter", "");
    await operator.click(".filter .choice:last-child input");
    await operator.until('document.querySelectorAll("tbody tr").length === 3');
    await page.close();
  });

  test("a refused request → every problem, nothing started, and no run to return to", async () => {
    const { page, operator } = await unlocked(three);
    server.answers = {
      ...server.answers,
      refused: {
        title: "The request is not valid",
        detail: "The request has 1 problem.",
        effect: "unchanged",
        nextAction: "Correct what problems lists. Nothing was started.",
        problems: [{ path: "reason", rule: "nothing that looks like a key", remedy: "write a reason" }],
      },
    };
    await rotate(operator);
    await operator.sees("Rotation refused: nothing was started");
    expect(await operator.run()).toContain(
      "reason: nothing that looks like a key. To fix it, write a reason.",
    );
    await operator.push("Close");
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    await page.close();
  });

  test("a request that never arrived → sent again by the operator, with the same Idempotency-Key", async () => {
    const { page, operator } = await unlocked(three);
    await page.evaluate(
      "fetch = ((send) => (url, init) => init.method === 'POST' ? Promise.reject() : send(url, init))(fetch)",
    );
    await rotate(operator);
    await operator.sees("The request did not arrive: nothing was started");
    await page.reload();
    await operator.unlock(server.key);
    await operator.sees("The request did not arrive: nothing was started");
    server.answers = { ...server.answers, run: settledRun };
    const saved = JSON.parse(String(await page.evaluate("sessionStorage.getItem('run')")));
    await operator.push("Send it again");
    await operator.sees("Rotation ended");
    const posts = page.requests.filter(({ method }) => method === "POST");
    expect(posts.map(({ headers }) => headers["idempotency-key"])).toEqual([saved.idempotencyKey]);
    await page.close();
  });

  test("an access token → in a header of each call, and nowhere else", async () => {
    const page = await browser.open(server.url);
    const operator = operatorOf(page);
    await operator.click("summary");
    await operator.fill("#token", "Bearer token-of-the-test");
    await operator.unlock(server.key);
    await operator.sees("Nothing wrong in 3 gateways");
    const [document, ...calls] = page.requests.filter(({ url }) => url.startsWith("http"));
    expect(JSON.stringify(document)).not.toContain("token-of-the-test");
    expect(calls.map(({ headers }) => headers["authorization"])).toEqual(["Bearer token-of-the-test"]);
    const kept =
      "JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }])";
    expect(await page.evaluate(kept)).not.toContain("token-of-the-test");
    await page.close();
  });

  test("a key that is no longer accepted → asked for again, and nothing of the gateways stays", async () => {
    const { page, operator } = await unlocked(three);
    const { key } = server;
    server.key = "another";
    await operator.push("Refresh");
    await operator.sees("not accepted");
    expect(await operator.texts()).not.toContain("warehouse");
    expect(await page.evaluate("document.activeElement.id")).toBe("key");
    server.key = key;
    await page.close();
  });

  test("a wrong configuration → its problems, and still the run of this tab", async () => {
    server.answers = { ...server.answers, run: runningRun(6) };
    const { page, operator } = await unlocked(three);
    await rotate(operator);
    await operator.sees("Rotation in progress");
    server.answers = {
      ...server.answers,
      unavailable: {
        title: "The function cannot serve requests now",
        detail: "The configuration is wrong, so no run is started.",
        effect: "unchanged",
        nextAction: "Fix what problems lists.",
        problems: [{ path: "gateways[0].secretName", rule: "letters and hyphens", remedy: "write adf-lab" }],
      },
    };
    await page.reload();
    await operator.unlock(server.key);
    await operator.sees("gateways[0].secretName: letters and hyphens. To fix it, write adf-lab.");
    await operator.sees("1 of 6 published keys does not work");
    await page.close();
  });

  test("a style, a script or a request elsewhere, added to the page → refused by its policy", async () => {
    const { page } = await unlocked(three);
    const add = (element: string, text: string) =>
      page.evaluate(
        `document.head.append(Object.assign(document.createElement("${element}"), { textContent: "${text}" }))`,
      );
    await add("style", "body{width:2000px}");
    await expect(add("script", "globalThis.ran = true")).rejects.toThrow("TrustedScript");
    expect(await page.show(phone)).toBe(phone.width);
    expect(await page.evaluate("globalThis.ran ?? false")).toBe(false);
    await expect(page.evaluate("fetch('https://contoso.example')")).rejects.toThrow("Failed to fetch");
    expect(page.log).toEqual(
      expect.arrayContaining([
        expect.stringContaining("Applying inline style violates"),
        expect.stringContaining("Connecting to 'https://contoso.example/' violates"),
      ]),
    );
    await page.close();
  });
});
