import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Machine, startMachine } from "../../local/machine.ts";
import { rehearsedFaults } from "../../local/rehearsal.ts";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import { deployedBundle } from "../support/bundle.ts";
import { type Browser, chromium, openBrowser, type Page } from "../support/chromium.ts";
import { operatorOf } from "./operator.ts";
import { dryRun, settledRun, three } from "./samples.ts";

if (chromium === undefined) {
  console.warn("No Chromium in PATH: the tests of the status page in a browser are skipped.");
}

/** In every gateway key. */
const canary = "CANARY7f3a9";

let machine: Machine;
let url: string;
let key: string;

beforeAll(async () => {
  machine = await startMachine({ folder: await deployedBundle(), simulator: { canary } });
  const { port, functionKey } = machine.functionsHost;
  url = `http://127.0.0.1:${port}/api/status`;
  key = functionKey;
});
afterEach(() => machine.simulator.clearFaults());
afterAll(() => machine?.stop());

describe("GET /api/status", () => {
  test("without a key → the page, which may run its own script and style only", async () => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    const { headers } = response;
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const html = await response.text();
    const hashOf = (element: string) => {
      const [, text = ""] = new RegExp(`<${element}>(.*?)</${element}>`, "s").exec(html) ?? [];
      return createHash("sha256").update(text).digest("base64");
    };
    const policy = new Map(
      headers
        .get("content-security-policy")
        ?.split("; ")
        .map((directive): [string, string] => {
          const [name = "", ...sources] = directive.split(" ");
          return [name, sources.join(" ")];
        }),
    );
    expect(Object.fromEntries(policy)).toEqual({
      "default-src": "'none'",
      "script-src": `'sha256-${hashOf("script")}'`,
      "style-src": `'sha256-${hashOf("style")}'`,
      "connect-src": "'self'",
      "img-src": "data:",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
      "require-trusted-types-for": "'script'",
      "trusted-types": "lit-html",
    });
  });

  test("its size → at most 15 kB in the zip, and it names no other site", async () => {
    const html = await (await fetch(url)).text();
    expect(deflateRawSync(html, { level: 9 }).length).toBeLessThan(15_000);
    // Namespaces of lit-html, which nothing loads.
    const addresses = html.match(/https?:\/\/[^\s"'`)]+/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });
});

describe.skipIf(chromium === undefined)("the page in Chromium, on the deployed bundle", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser(chromium ?? "");
  });
  afterEach(async () => {
    await expectNoLeak(page);
    await page.close();
  });
  afterAll(() => browser.close());

  async function open() {
    page = await browser.open(url);
    return operatorOf(page);
  }

  /** The function key is in the header of requests to this app only; no gateway's key is anywhere. */
  async function expectNoLeak({ requests, log, evaluate }: Page): Promise<void> {
    const { origin } = new URL(url);
    const sent = requests.filter((each) => each.headers["x-functions-key"] === key);
    expect(sent.length).toBeGreaterThan(0);
    for (const { headers, ...rest } of requests) {
      expect(new URL(rest.url).origin === origin || rest.url === "data:,").toBe(true);
      expect(headers).not.toHaveProperty("referer");
      const { "x-functions-key": _, ...others } = headers;
      expect(JSON.stringify([rest, others])).not.toContain(key);
    }
    const kept = await evaluate(
      "JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, history.state])",
    );
    const shown = await evaluate("document.documentElement.outerHTML");
    const { exited: _, ...host } = machine.functionsHost;
    for (const text of [kept, shown, log.join("\n"), host.output(), JSON.stringify(requests)])
      expect(text).not.toContain(canary);
    for (const text of [kept, log.join("\n"), host.output()]) expect(text).not.toContain(key);
    expect(await evaluate("Object.keys({ ...localStorage }).length + document.cookie.length")).toBe(0);
  }

  const versionsOf = (secret: string): number =>
    ["vault-20443", "vault-20444"].reduce(
      (sum, vault) => sum + (machine.simulator.secrets(vault).get(secret)?.versions.length ?? 0),
      0,
    );

  test("a wrong key → asked again, with what to do; the right one → every gateway", async () => {
    const operator = await open();
    await operator.unlock("wrong");
    await operator.sees("The function key or the access token is not accepted");
    await operator.unlock(key);
    await operator.sees("Nothing wrong in 3 gateways");
    for (const name of ["gatewaytest", "warehouse", "lab"])
      expect(await operator.row(name)).toContain("Never rotated");
  });

  test("dry run, then rotate all → watched to its end, with the host's next action and request ids", async () => {
    const operator = await open();
    await operator.unlock(key);
    await operator.click("#all");
    await operator.push("Dry run or rotate…");
    await operator.sees("gatewaytest: The gateway stops until its host has the new key.");
    await operator.push("Dry run");
    await operator.sees("Dry run: 3 of 3 gateways ready");
    expect(versionsOf("adf-sales-warehouse")).toBe(0);

    // Neither a reason nor the confirmation: the browser asks for both.
    await operator.push("Rotate all 3 gateways");
    expect(await page.evaluate('document.querySelector("dialog").open')).toBe(true);
    await operator.fill("#reason", "first check");
    await operator.push("Rotate all 3 gateways");
    expect(await page.evaluate("document.activeElement.id")).toBe("confirm");
    await operator.fill("#confirm", "*");
    await operator.push("Rotate all 3 gateways");
    await operator.sees("Rotation ended");
    const run = await operator.run();
    expect(run).toContain("first check");
    expect(run).toMatch(/Next: .*dmgcmd -Key/);
    const version = machine.simulator.secrets("vault-20443").get("adf-sales-warehouse")?.versions.at(-1);
    await page.evaluate('document.querySelectorAll(".ids").forEach((ids) => { ids.open = true })');
    expect(await operator.run()).toContain(version?.tags["client-request-id"]);
    expect(version?.tags["reason"]).toBe("first check");
    await operator.until('document.querySelectorAll("tbody tr.good, tbody tr.warning").length === 3');
    expect(await operator.row("warehouse")).toMatch(/Rotated.*Key works/s);
  });

  test("a locked gateway → its failure and next action, in the run and in the list", async () => {
    const locked = rehearsedFaults.find(({ name }) => name === "locked-resource");
    locked?.begin(machine.simulator);
    const operator = await open();
    await operator.unlock(key);
    await operator.select("warehouse");
    await operator.push("Dry run or rotate…");
    await operator.fill("#reason", "leaver");
    await operator.push("Rotate 1 gateway");
    await operator.sees("Rotation ended");
    expect(await operator.run()).toMatch(/warehouse.*Failed.*Key works.*lock.*Next: .*lock/is);
    await operator.until('document.querySelector("tbody tr.problem") !== null');
    expect(await operator.row("warehouse")).toMatch(/Failed.*Key works.*Next: .*lock/is);
    await operator.push("Close");
    await page.reload();
    await operator.unlock(key);
    await operator.sees("1 rotation failed; 3 gateways in all");
    expect(await page.evaluate('document.querySelector("section.run")')).toBe(null);
  });

  test("a reload in the middle of a run → the same run, to its end; one key was made", async () => {
    const isRegenerate = ({ url }: RecordedRequest) => /regeneratekey\?/i.test(url);
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const before = versionsOf("adf-gatewaytest-key");
    machine.simulator.inject({
      service: "resourceManager",
      matches: isRegenerate,
      fault: {
        kind: "call",
        when: "before",
        run: () => {
          begun.resolve();
          return released.promise;
        },
      },
    });
    const operator = await open();
    await operator.unlock(key);
    await operator.select("gatewaytest");
    await operator.push("Dry run or rotate…");
    await operator.fill("#reason", "on call");
    await operator.push("Rotate 1 gateway");
    await begun.promise;
    await operator.sees("Rotation in progress");
    const id = "document.querySelector('section.run code').innerText";
    const run = await page.evaluate(id);

    await page.reload();
    await operator.sees("This tab has requested a rotation");
    await operator.unlock(key);
    await operator.sees("Rotation in progress");
    expect(await page.evaluate(id)).toBe(run);
    released.resolve();
    await operator.sees("Rotation ended");
    expect(await page.evaluate(id)).toBe(run);
    expect(await operator.run()).toContain("on call");
    expect(versionsOf("adf-gatewaytest-key")).toBe(before + 1);
    const stored = z.object({ run: z.string() }).parse(await page.evaluate("({ ...sessionStorage })"));
    expect(Object.keys(JSON.parse(stored.run)).sort()).toEqual(["body", "id", "idempotencyKey"]);
  });

  test("by keyboard alone → key, gateway, reason and rotation, with the focus on what is new", async () => {
    const operator = await open();
    const focus = () => page.evaluate("document.activeElement.id || document.activeElement.innerText");
    const tabTo = async (condition: string) => {
      for (let tabs = 0; (await page.evaluate(condition)) !== true; tabs += 1) {
        expect(tabs).toBeLessThan(60);
        await page.press("Tab");
      }
    };
    expect(await focus()).toBe("key");
    await page.type(key);
    await page.press("Enter");
    await operator.until('document.activeElement.id === "verdict"');
    await tabTo('document.activeElement.closest("[data-gateway=lab]") !== null');
    await page.press(" ");
    await tabTo('document.activeElement.innerText.includes("Dry run or rotate")');
    await page.press("Enter");
    await operator.until('document.activeElement.id === "reason"');
    await page.press("Escape");
    await operator.until('document.querySelector("dialog") === null');
    expect(await focus()).toContain("Dry run or rotate");
    await page.press("Enter");
    await operator.until('document.activeElement.id === "reason"');
    await page.type("by keyboard");
    await page.press("Enter");
    await operator.sees("Dry run: 1 of 1 gateway ready");
    expect(await focus()).toBe("result");
    await tabTo('document.activeElement.innerText === "Rotate 1 gateway"');
    await page.press("Enter");
    await operator.until('document.activeElement.id === "run"');
    await operator.sees("Rotation ended");
    expect(await operator.run()).toContain("by keyboard");
  });
});

/** The other tests of the page take their word for it. */
test("the samples of answers → have the fields of real ones, and no other", async () => {
  const call = async (route: string, body?: object): Promise<unknown> => {
    const headers = { "x-functions-key": key, "content-type": "application/json" };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify({ reason: "x", ...body }) };
    return (await fetch(url.replace("status", route), { headers, ...sent })).json();
  };
  const Answer = z.looseObject({ gateways: z.array(z.looseObject({ name: z.string() })) });
  const body = { gateways: ["warehouse"], reason: "fields" };
  const [listed, planned, run] = [
    Answer.parse(await call("gateways")),
    Answer.parse(await call("rotations", { ...body, dryRun: true })),
    Answer.parse(await call("rotations", { ...body, mode: "compromised" })),
  ];
  const fields = (answer: object | undefined) => Object.keys(answer ?? {});
  expect(fields(three[0]).sort()).toEqual(fields(listed.gateways[0]).sort());
  expect(fields(planned)).toEqual(expect.arrayContaining(fields(dryRun)));
  expect(fields(planned.gateways[0])).toEqual(expect.arrayContaining(fields(dryRun.gateways[1])));
  expect(fields(run)).toEqual(expect.arrayContaining(fields(settledRun)));
  expect(fields(run.gateways[0])).toEqual(expect.arrayContaining(fields(settledRun.gateways[0])));
});
