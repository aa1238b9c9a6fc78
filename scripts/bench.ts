import { writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { benchCalls } from "./bench/calls.ts";
import { benchMakespan } from "./bench/makespan.ts";
import { benchOneGateway } from "./bench/oneGateway.ts";
import { benchProcesses } from "./bench/processes.ts";
import { goalRows, type Section, toMarkdown } from "./bench/report.ts";
import { benchStart } from "./bench/start.ts";

/**
 * `npm run bench`: compares the job's speed with what Azure's limits allow, and measures its costs. Writes
 * docs/benchmark.md.
 * `--only <section>`, once or more, measures these sections alone and writes nothing.
 */
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
  },
});

type Progress = (line: string) => void;

const sections: Readonly<Record<string, (progress: Progress) => Promise<Section>>> = {
  start: benchStart,
  oneGateway: benchOneGateway,
  processes: benchProcesses,
  calls: benchCalls,
  makespan: benchMakespan,
};

const unknown = values.only.filter((name) => sections[name] === undefined);
if (unknown.length > 0)
  throw new Error(
    `No section is named ${unknown.join(", ")}. There are ${Object.keys(sections).join(", ")}.`,
  );

const startedAt = performance.now();
function progress(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
  console.error(`${seconds} s  ${line}`);
}

// At the beginning: later, the benchmark's own processes are the load.
const loadBefore = (os.loadavg()[0] ?? 0) / os.availableParallelism();
const measured: Section[] = [];
for (const [name, bench] of Object.entries(sections)) {
  if (values.only.length === 0 || values.only.includes(name)) measured.push(await bench(progress));
}

for (const { title, rows } of measured) {
  console.log(`\n${title}`);
  console.table(rows);
}
console.log("\nGoals");
console.table(goalRows(measured));

if (values.only.length === 0) {
  const file = path.join(import.meta.dirname, "..", "docs", "benchmark.md");
  await writeFile(file, toMarkdown(measured, loadBefore));
  console.log(`\nWritten to ${path.relative(process.cwd(), file)}.`);
}
