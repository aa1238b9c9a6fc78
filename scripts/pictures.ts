import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { auditDemo } from "../local/audit.ts";
import { chromium, openBrowser } from "../test/support/chromium.ts";

/** Makes the pictures of README.md in docs/pictures, or in the folder that is the argument. */
const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, "..", "docs", "pictures"));
if (chromium === undefined) {
  console.error("No Chromium or Google Chrome in PATH: install one, then try again.");
  process.exit(2);
}

/** As wide as GitHub shows README.md. */
const width = 920;

const pages = await mkdtemp(path.join(tmpdir(), "pictures-"));
const browser = await openBrowser(chromium);
try {
  const report = path.join(pages, "audit.html");
  const exitCode = await auditDemo(["--out", report]);
  // 1: it has findings, as it should.
  if (exitCode !== 1) throw new Error(`The audit ended with ${exitCode}.`);
  const page = await browser.open(`file://${report}`);
  await mkdir(folder, { recursive: true });
  for (const scheme of ["light", "dark"] as const) {
    const view = { media: "screen", width, scheme } as const;
    const file = path.join(folder, `audit-${scheme}.webp`);
    await writeFile(file, await page.picture('[aria-labelledby="timelines"]', view));
    console.log(`Written: ${file}`);
  }
} finally {
  await browser.close();
  await rm(pages, { recursive: true });
}
