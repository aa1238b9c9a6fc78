import { writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { benchCalls } from "./bench/calls.ts";
import { benchMakespan } from "./bench/makespan.ts";
import { benchOneGateway } from "./bench/oneGateway.ts";
import { benchProcesses } from "./bench/processes.ts";
import { goalRows, type Section, toMarkdown } from "./bench/report.ts";
import { benchStartSection } from "./bench/startSection.ts";

/**
 * `npm run bench`: how near the job is to what Azure's limits allow, and what it costs; ends in docs/benchmark.md.
 * `--full` also lets the two scripts that people write today rotate 10,000 gateways, which takes minutes.
 * `--section makespan` measures that section alone, and leaves docs/benchmark.md as it is.
 */
const { values } = parseArgs({
  options: { full: { type: "boolean", default: false }, section: { type: "string" } },
});

const loadOfEach = (): number => (os.loadavg()[0] ?? 0) / os.availableParallelism();

const startedAt = performance.now();
function progress(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
  console.error(`${seconds} s  ${line}`);
}

const benches: Readonly<Record<string, () => Promise<Section>>> = {
  start: () => benchStartSection(progress),
  oneGateway: () => benchOneGateway(progress),
  processes: () => benchProcesses(progress),
  calls: () => benchCalls(progress),
  makespan: () => benchMakespan(values.full, progress),
};

const chosen = Object.entries(benches).filter(([name]) => name === (values.section ?? name));
if (chosen.length === 0) throw new Error(`--section takes one of: ${Object.keys(benches).join(", ")}.`);

const loadBefore = loadOfEach();
const sections: Section[] = [];
for (const [, bench] of chosen) sections.push(await bench());

for (const { title, rows } of sections) {
  console.log(`\n${title}`);
  console.table(rows);
}
console.log("\nGoals");
console.table(goalRows(sections));

if (values.section === undefined) {
  const file = path.join(import.meta.dirname, "..", "docs", "benchmark.md");
  await writeFile(file, toMarkdown(sections, [loadBefore, loadOfEach()]));
  console.log(`\nWritten to ${path.relative(process.cwd(), file)}.`);
}
