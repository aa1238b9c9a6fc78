import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { auditDemo } from "../local/audit.ts";
import { startMachine } from "../local/machine.ts";
import { rehearsedFaults } from "../local/rehearsal.ts";
import { operatorOf } from "../test/page/operator.ts";
import { type Browser, chromium, openBrowser, type Page } from "../test/support/chromium.ts";

/** Makes the pictures of README.md in docs/pictures, or in the folder that is the argument. */
const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, "..", "docs", "pictures"));
if (chromium === undefined) {
  console.error("No Chromium or Google Chrome in PATH: install one, then try again.");
  process.exit(2);
}

/** As wide as GitHub shows README.md. */
const width = 920;

async function write(name: string, page: Page, selector: string): Promise<void> {
  for (const scheme of ["light", "dark"] as const) {
    const file = path.join(folder, `${name}-${scheme}.webp`);
    await writeFile(file, await page.picture(selector, { media: "screen", width, scheme }));
    console.log(`Written: ${file}`);
  }
}

async function pictureAudit(browser: Browser): Promise<void> {
  const pages = await mkdtemp(path.join(tmpdir(), "pictures-"));
  try {
    const report = path.join(pages, "audit.html");
    const exitCode = await auditDemo(["--out", report]);
    // 1: it has findings, as it should.
    if (exitCode !== 1) throw new Error(`The audit ended with ${exitCode}.`);
    await write("audit", await browser.open(`file://${report}`), '[aria-labelledby="timelines"]');
  } finally {
    await rm(pages, { recursive: true });
  }
}

/** After a rotation of every gateway, and a second one of `warehouse` whose vault refuses the new key. */
async function pictureStatus(browser: Browser): Promise<void> {
  const { functionsHost, simulator, stop } = await startMachine();
  try {
    const { port, functionKey } = functionsHost;
    const api = `http://127.0.0.1:${port}/api`;
    const rotate = async (asked: object) => {
      const headers = { "x-functions-key": functionKey, "content-type": "application/json" };
      const response = await fetch(`${api}/rotations`, {
        method: "POST",
        headers,
        body: JSON.stringify(asked),
      });
      await response.text();
    };
    await rotate({ gateways: "*", confirm: "*", reason: "first rotation" });
    rehearsedFaults.find(({ name }) => name === "vault-refuses-writes")?.begin(simulator);
    await rotate({ gateways: ["warehouse"], reason: "a leaver" });
    const page = await browser.open(`${api}/status`);
    const operator = operatorOf(page);
    await operator.unlock(functionKey);
    await operator.sees("warehouse");
    await write("status", page, "main");
  } finally {
    await stop();
  }
}

await mkdir(folder, { recursive: true });
const browser = await openBrowser(chromium);
try {
  await pictureAudit(browser);
  await pictureStatus(browser);
} finally {
  await browser.close();
}
