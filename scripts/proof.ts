import { join } from "node:path";
import { parseArgs } from "node:util";
import pMap from "p-map";
import { proveProcesses } from "../test/processes/proveProcesses.ts";
import { configurations } from "../test/simulation/configurations.ts";
import { allFaults } from "../test/simulation/moment.ts";
import { pairs } from "../test/simulation/pairs.ts";
import { type Job, type JobResult, runJob } from "../test/simulation/proofJobs.ts";
import { createSabotagedCopy, sabotages } from "../test/simulation/sabotages.ts";

/**
 * `npm run proof`: the engine against all that may happen to it, as far as the limits below reach; then real
 * processes; then one line of the engine made wrong at a time, to see that this would have been noticed. Ends with 1
 * where a promise was broken, or where a sabotage was not noticed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    schedules: { type: "string", default: "50000" },
    departures: { type: "string", default: "2" },
    /** From a failure that was reported with its seed: that one alone. */
    path: { type: "string" },
  },
});
const seed = wholeNumber("--seed", values.seed);
const schedules = wholeNumber("--schedules", values.schedules);
const departures = wholeNumber("--departures", values.departures);

const root = join(import.meta.dirname, "..");
const workers = 2;
const mostStates = 2_000_000;
/**
 * What a part may take at most, in seconds of processor time; of real processes, by the clock. Random schedules take
 * as long as they take.
 */
const limits = { one: 60, several: 120, interleave: 240, hunt: 100, processes: 450 } as const;

/** One row of the table. */
interface Row {
  readonly part: string;
  readonly reach: string;
  readonly states?: number;
  readonly paths: number;
  readonly "most regenerates": number;
  /** Of processor time; most of real processes' time is waiting. */
  readonly seconds?: number;
  readonly violations: number;
  readonly isCut: boolean;
}

interface Part {
  readonly name: string;
  readonly job: Job;
}

const departing = configurations.map(
  ({ name, runners }): Part => ({
    name: `departures: ${name}`,
    job: { kind: "depart", configuration: name, departures, seconds: limits[runners], mostStates },
  }),
);

const interleaving = (of: readonly { readonly name: string }[], what: string, mostFaults: number) =>
  of.map(
    ({ name }): Part => ({
      name: `${what}: ${name}`,
      job: { kind: "interleave", name, mostFaults, seconds: limits.interleave, mostStates },
    }),
  );

/** Two processes share them. */
const random = Array.from({ length: workers }, (_, i): Part => {
  const count = Math.floor((schedules + i) / workers);
  return { name: `random, seed ${seed + i}`, job: { kind: "random", seed: seed + i, schedules: count } };
});

const replaying: Part = {
  name: "random, replayed",
  job: { kind: "random", seed, schedules, path: values.path },
};

const simulated: readonly Part[] =
  values.path === undefined
    ? [
        ...departing,
        ...interleaving(pairs, "every order", allFaults.length),
        ...interleaving(
          configurations.filter(({ everyOrder }) => everyOrder),
          "every order of whole runs",
          1,
        ),
        ...random,
      ]
    : [replaying];

const explored = await pMap(simulated, explore, { concurrency: workers });
const rows: Row[] = explored.map(({ row }) => row);
const isWhole = values.path === undefined;
if (isWhole) rows.push(...(await inRealProcesses()));
const hunted = isWhole ? await huntAll() : [];
const survivors = hunted.filter(({ isCaught }) => !isCaught);
const disagreed = hunted.filter(({ isAgreed }) => !isAgreed);

console.log("\nThe engine as it is\n");
console.table(rows.map(({ isCut, ...row }) => row));
const sum = (figure: (row: Row) => number): number => rows.reduce((total, row) => total + figure(row), 0);
const violations = sum((row) => row.violations);
console.log(
  [
    `States ${sum(({ states }) => states ?? 0)}, paths ${sum(({ paths }) => paths)}, in ${Math.round(performance.now() / 1000)} seconds.`,
    `The most that any schedule made of one gateway: ${Math.max(...rows.map((row) => row["most regenerates"]))} regenerates.`,
    `Violations: ${violations}. Parts cut by their limits: ${rows.filter(({ isCut }) => isCut).length} of ${rows.length}.`,
    ...(isWhole
      ? [
          `Sabotages caught: ${hunted.length - survivors.length}/${hunted.length}; ${hunted.filter(({ shows }) => shows).length} of them show on small pairs, with and without anything left out.`,
        ]
      : []),
    ...survivors.map(({ name }) => `Not caught, so the proof is too weak for it: ${name}.`),
    ...disagreed.map(({ name }) => `Shows in one way of looking and not in the other: ${name}.`),
  ].join("\n"),
);
process.exitCode = violations + survivors.length + disagreed.length === 0 ? 0 : 1;

async function explore({ name, job }: Part): Promise<{ readonly part: Part; readonly row: Row }> {
  const result = await runJob(root, job);
  const { kind, states, paths, regenerates, seconds = 0, violation } = result;
  const row: Row = {
    part: name,
    reach: reachOf(job, result),
    states,
    paths,
    "most regenerates": regenerates,
    seconds: Math.round(seconds * 10) / 10,
    violations: violation === undefined ? 0 : 1,
    isCut: kind === "cut",
  };
  console.log(`${kind === "violated" ? "VIOLATED" : kind}: ${name} (${row.reach}, ${row.seconds} s)`);
  if (violation !== undefined) console.log(describeViolation(violation));
  return { part: { name, job }, row };
}

async function inRealProcesses(): Promise<readonly Row[]> {
  const startedAt = performance.now();
  const proved = await proveProcesses({
    seed,
    until: Date.now() + limits.processes * 1000,
    onProgress({ name, violations }) {
      console.log(`${violations.length === 0 ? "holds" : "VIOLATED"}: ${name}`);
      for (const violation of violations) console.log(`  ${violation}`);
    },
  });
  console.log(`Real processes took ${Math.round((performance.now() - startedAt) / 1000)} seconds.`);
  return proved.map(({ name, cases, left, mostKeysMade, violations }) => ({
    part: `real processes: ${name}`,
    reach: left === 0 ? "all of them" : `cut by its limit, ${left} left`,
    paths: cases,
    "most regenerates": mostKeysMade,
    violations: violations.length,
    isCut: left > 0,
  }));
}

interface Hunted {
  readonly name: string;
  readonly isCaught: boolean;
  /** Whether it shows on a small pair, and whether it shows there to both explorations or to none. */
  readonly shows: boolean;
  readonly isAgreed: boolean;
}

/** What the engine does wrong by itself must not pass for having noticed a sabotage. */
function huntAll(): Promise<readonly Hunted[]> {
  const except = explored.flatMap(({ part: { job }, row }) => (row.violations > 0 ? namesOf(job) : []));
  return pMap(
    sabotages,
    async (sabotage) => {
      const { name, promise } = sabotage;
      const copy = createSabotagedCopy(root, sabotage);
      try {
        const hunt: Job = { kind: "hunt", except, departures, seconds: limits.hunt, mostStates };
        const { violation } = await runJob(copy.folder, hunt);
        console.log(`\n${violation === undefined ? "NOT CAUGHT" : "caught"}: ${name}\n  ${promise}`);
        if (violation !== undefined) console.log(describeViolation(violation));
        const { kind, shows = false } = await runJob(copy.folder, { kind: "compare" });
        return { name, isCaught: violation !== undefined, shows, isAgreed: kind === "holds" };
      } finally {
        copy.remove();
      }
    },
    { concurrency: workers },
  );
}

function namesOf(job: Job): readonly string[] {
  switch (job.kind) {
    case "depart":
      return [job.configuration];
    case "interleave":
      return [job.name];
    case "random":
      return ["random"];
    case "hunt":
    case "compare":
      return [];
  }
}

type Found = NonNullable<JobResult["violation"]>;

/** Departures are the schedule: all else goes on in order. Any other has to be told step by step. */
function describeViolation({ where, promise, departures, steps }: Found): string {
  const schedule = departures ?? steps;
  return [
    `  ${where}: ${promise}`,
    ...(schedule.length === 0
      ? ["    in the ordinary course of things"]
      : schedule.map((step) => `    ${step}`)),
  ].join("\n");
}

function reachOf(job: Job, { kind, complete = -1 }: JobResult): string {
  const what = job.kind === "depart" ? "departures" : "faults";
  const all = complete < 0 ? [] : [`all with up to ${complete} ${what}`];
  switch (kind) {
    case "holds":
      return job.kind === "random" ? "all of them" : all.join();
    case "cut":
      return [...all, "cut by its limit"].join(", ");
    case "violated":
      return "up to the first violation";
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${option} takes a whole number from 1, not ${text}`);
  return value;
}
