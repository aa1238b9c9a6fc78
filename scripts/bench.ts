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
 */
const { values } = parseArgs({ options: { full: { type: "boolean", default: false } } });

const loadOfEach = (): number => (os.loadavg()[0] ?? 0) / os.availableParallelism();

const startedAt = performance.now();
function progress(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
  console.error(`${seconds} s  ${line}`);
}

const loadBefore = loadOfEach();
const sections: readonly Section[] = [
  await benchStartSection(progress),
  await benchOneGateway(progress),
  await benchProcesses(progress),
  await benchCalls(progress),
  await benchMakespan(values.full, progress),
];

for (const { title, rows } of sections) {
  console.log(`\n${title}`);
  console.table(rows);
}
console.log("\nGoals");
console.table(goalRows(sections));

const file = path.join(import.meta.dirname, "..", "docs", "benchmark.md");
await writeFile(file, toMarkdown(sections, [loadBefore, loadOfEach()]));
console.log(`\nWritten to ${path.relative(process.cwd(), file)}.`);
