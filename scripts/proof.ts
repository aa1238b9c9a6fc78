import { join } from "node:path";
import { parseArgs } from "node:util";
import pMap from "p-map";
import { configurations } from "../test/simulation/configurations.ts";
import { type Job, type JobResult, runJob } from "../test/simulation/proofJobs.ts";
import { createSabotagedCopy, sabotages } from "../test/simulation/sabotages.ts";

/**
 * `npm run proof`: the engine against all that may happen to it, as far as the limits below reach, and then one
 * line of it made wrong at a time, to see that this would have been noticed. Ends with 1 where a promise was
 * broken, or where a sabotage was not noticed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    schedules: { type: "string", default: "20000" },
    departures: { type: "string", default: "2" },
  },
});
const seed = wholeNumber("--seed", values.seed);
const schedules = wholeNumber("--schedules", values.schedules);
const departures = wholeNumber("--departures", values.departures);

const root = join(import.meta.dirname, "..");
const processes = 2;
const mostStates = 400_000;
/** What a part may take at most, in seconds: all together stay below fifteen minutes on two cores. */
const limits = { one: 20, several: 40, random: 240, hunt: 100 } as const;

interface Part {
  readonly name: string;
  readonly job: Job;
}

interface Done {
  readonly part: Part;
  readonly result: JobResult;
}

const explorations = configurations.map(
  ({ name, runners }): Part => ({
    name,
    job: { kind: "explore", configuration: name, departures, seconds: limits[runners], mostStates },
  }),
);

/** Seeds follow each other, so that two processes share them. */
const randoms = Array.from({ length: processes }, (_, i): Part => {
  const share = Math.ceil(schedules / processes);
  const first = seed + i * share;
  const count = Math.min(share, schedules - i * share);
  return {
    name: `random schedules, seeds ${first} to ${first + count - 1}`,
    job: { kind: "random", seed: first, schedules: count, seconds: limits.random },
  };
});

console.log(
  `${explorations.length} configurations, ${schedules} random schedules, ${sabotages.length} sabotages.\n`,
);
const explored = await runAll([...explorations, ...randoms]);
const caught = await huntAll(explored);

console.log("\nThe engine as it is\n");
console.table(
  explored.map(({ part, result }) => ({
    part: part.name,
    reach: reachOf(part.job, result),
    states: result.states,
    schedules: result.schedules,
    "most regenerates": result.regenerates,
    violations: result.violation === undefined ? 0 : 1,
  })),
);
const sum = (figure: (result: JobResult) => number): number =>
  explored.reduce((total, { result }) => total + figure(result), 0);
const violations = explored.filter(({ result }) => result.kind === "violated").length;
const survivors = caught.filter(({ result }) => result.kind !== "violated");
console.log(
  [
    `States ${sum(({ states }) => states)}, schedules ${sum((result) => result.schedules)}.`,
    `The most that any schedule made of one gateway: ${Math.max(...explored.map(({ result }) => result.regenerates))} regenerates.`,
    `Violations: ${violations}. Sabotages caught: ${caught.length - survivors.length}/${caught.length}.`,
    ...survivors.map(({ part }) => `Not caught, so the proof is too weak for it: ${part.name}.`),
  ].join("\n"),
);
process.exitCode = violations + survivors.length === 0 ? 0 : 1;

function runAll(parts: readonly Part[]): Promise<readonly Done[]> {
  return pMap(
    parts,
    async (part) => {
      const result = await runJob(root, part.job);
      console.log(
        `${result.kind === "violated" ? "VIOLATED" : result.kind}: ${part.name} (${reachOf(part.job, result)})`,
      );
      if (result.violation !== undefined) console.log(describeViolation(result.violation));
      return { part, result };
    },
    { concurrency: processes },
  );
}

/** What the engine does wrong by itself must not pass for having noticed a sabotage. */
function huntAll(engine: readonly Done[]): Promise<readonly Done[]> {
  const except = engine.filter(({ result }) => result.kind === "violated").map(({ part }) => part.name);
  return pMap(
    sabotages,
    async (sabotage) => {
      const copy = createSabotagedCopy(root, sabotage);
      const job: Job = { kind: "hunt", except, departures, seconds: limits.hunt, mostStates };
      try {
        const result = await runJob(copy.folder, job);
        console.log(`\n${result.kind === "violated" ? "caught" : "NOT CAUGHT"}: ${sabotage.name}`);
        console.log(`  ${sabotage.promise}`);
        if (result.violation !== undefined) console.log(describeViolation(result.violation));
        return { part: { name: sabotage.name, job }, result };
      } finally {
        copy.remove();
      }
    },
    { concurrency: processes },
  );
}

type Found = NonNullable<JobResult["violation"]>;

/** The departures are the schedule: all else goes on in order. A random one has to be told step by step. */
function describeViolation({ where, promise, departures, steps }: Found): string {
  const isRandom = where.startsWith("seed ");
  const schedule = isRandom ? steps : departures;
  return [
    `  ${where}: ${promise}`,
    ...(schedule.length === 0
      ? ["    in the ordinary course of things"]
      : schedule.map((step) => `    ${step}`)),
  ].join("\n");
}

function reachOf(job: Job, { kind, complete }: JobResult): string {
  const all = complete === undefined || complete < 0 ? "" : `all with up to ${complete} departures`;
  switch (kind) {
    case "holds":
      return job.kind === "random" ? "all of them" : all;
    case "cut":
      return [all, "cut by its limit"].filter((text) => text !== "").join(", ");
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
