import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import pMap from "p-map";
import { huntInProcesses } from "../test/processes/huntInProcesses.ts";
import { proveProcesses } from "../test/processes/proveProcesses.ts";
import { configurations } from "../test/simulation/engine/configurations.ts";
import { runnerPairs } from "../test/simulation/engine/runnerPairs.ts";
import { allFaults } from "../test/simulation/explorers/explorationState.ts";
import { type Job, type JobResult, runJob } from "../test/simulation/proof/proofJobs.ts";
import { failuresIn, type HuntResult, type ProofRow, rowOf } from "../test/simulation/proof/proofReport.ts";
import { createSabotagedCopy, type Sabotage, sabotages } from "../test/simulation/proof/sabotages.ts";

/**
 * `npm run proof`: the engine in the simulation under every schedule within the limits, then in real processes, then
 * with one wrong line at a time (a sabotage), to show that the proof finds defects. Exits with 1 unless every part
 * began, ended and held, and every sabotage broke the promise that it names.
 */
const { values } = parseArgs({
  options: {
    /** Takes minutes: fewer departures, faults and random schedules, one schedule of real processes, all sabotages. */
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    schedules: { type: "string" },
    departures: { type: "string" },
    /** Multiplies every time limit. */
    limit: { type: "string", default: "1" },
    /** Runs only the parts whose names contain this text. The name of a case of real processes begins with "real processes". */
    part: { type: "string" },
    /** Replays one random schedule, as a failure reported it with its seed. */
    path: { type: "string" },
  },
});
const { quick, part: only, path } = values;
const seed = numberIn("--seed", values.seed);
const schedules = numberIn("--schedules", values.schedules ?? (quick ? "1000" : "50000"));
const departures = numberIn("--departures", values.departures ?? (quick ? "1" : "2"));
const factor = numberIn("--limit", values.limit);

const root = join(import.meta.dirname, "..");
const workers = 2;
const mostStates = 5_000_000;
/**
 * Limits of the parts, in seconds of processor time; for real processes, in seconds by the clock. Each is several times
 * what a part needs, since a part that reaches its limit fails. Random schedules have no limit.
 */
const limits = {
  depart: 900 * factor,
  interleave: 1800 * factor,
  hunt: 400 * factor,
  processes: 3600 * factor,
};

interface Part {
  readonly name: string;
  readonly job: Job;
}

const departing = configurations.map(
  ({ name }): Part => ({
    name: `departures: ${name}`,
    job: { kind: "depart", configuration: name, departures, seconds: limits.depart, mostStates },
  }),
);

const interleaving = (
  of: readonly { readonly name: string; readonly mostFaults?: number | undefined }[],
  what: string,
  most: number,
) =>
  of.map(
    ({ name, mostFaults = most }): Part => ({
      name: `${what}: ${name}`,
      job: {
        kind: "interleave",
        name,
        mostFaults: Math.min(mostFaults, most),
        seconds: limits.interleave,
        mostStates,
      },
    }),
  );

/** The processes share the random schedules. */
const random = Array.from({ length: workers }, (_, i): Part => {
  const count = Math.floor((schedules + i) / workers);
  return { name: `random, seed ${seed + i}`, job: { kind: "random", seed: seed + i, schedules: count } };
});

const wholeRuns = configurations.filter(({ everyOrder }) => everyOrder);
const all: readonly Part[] = [
  ...departing,
  ...interleaving(runnerPairs, "every order", quick ? 1 : allFaults.length),
  ...(quick ? [] : interleaving(wholeRuns, "every order of whole runs", 1)),
  ...random,
];

const isWhole = only === undefined && path === undefined;
const realProcesses = "real processes";
const simulated: readonly Part[] =
  path === undefined
    ? all.filter(({ name }) => name.includes(only ?? ""))
    : [{ name: "random, replayed", job: { kind: "random", seed, schedules, path } }];

const rows: ProofRow[] = await pMap(simulated, explore, { concurrency: workers });
if (
  (isWhole && !quick) ||
  (only !== undefined && (realProcesses.includes(only) || only.startsWith(realProcesses)))
)
  rows.push(...(await inRealProcesses()));
const hunted = isWhole ? await huntAll() : [];
const failures = failuresIn(rows, hunted);

console.log("\nThe engine as it is\n");
console.table(rows.map(({ shortcoming, ...row }) => row));
const sum = (figure: (row: ProofRow) => number): number =>
  rows.reduce((total, row) => total + figure(row), 0);
const most = (figure: (row: ProofRow) => number): number => Math.max(0, ...rows.map(figure));
console.log(
  [
    `States ${sum(({ states }) => states ?? 0)}, paths ${sum(({ paths }) => paths)}, in ${Math.round(performance.now() / 1000)} seconds.`,
    `The most that any schedule regenerated of one gateway: ${most((row) => row["most regenerates"])} keys.`,
    `The most that one fault added: ${most((row) => row["most added per fault"] ?? 0)} keys. The promise is at most 2.`,
    `Violations: ${sum((row) => row.violations)}. Parts: ${rows.length}.`,
    ...(isWhole
      ? [
          `Sabotages caught by the promise that they name: ${hunted.filter(({ isCaught }) => isCaught).length} of ${hunted.length}.`,
          ...(quick
            ? []
            : [`Of these, ${hunted.filter(({ shows }) => shows).length} also show on the small pairs.`]),
        ]
      : ["Only the named parts ran, and no sabotage."]),
    ...failures,
    failures.length === 0 ? "The proof holds." : "THE PROOF FAILS.",
  ].join("\n"),
);
process.exitCode = failures.length === 0 ? 0 : 1;

async function explore({ name, job }: Part): Promise<ProofRow> {
  const result = await runJob(root, job);
  const row = rowOf(name, job, result);
  const state = result.kind === "violated" ? "VIOLATED" : result.kind;
  console.log(`${state}: ${name} (${row.reach}, ${row.seconds} s)`);
  if (result.violation !== undefined) console.log(describe(result.violation));
  return row;
}

function caseName(name: string): string {
  return `${realProcesses}: ${name}`;
}

async function inRealProcesses(): Promise<readonly ProofRow[]> {
  const startedAt = performance.now();
  const proved = await proveProcesses({
    seed,
    until: Date.now() + limits.processes * 1000,
    isChosen: (name) => caseName(name).includes(only ?? ""),
    onProgress({ name, violations }) {
      console.log(`${violations.length === 0 ? "holds" : "VIOLATED"}: ${caseName(name)}`);
      for (const violation of violations) console.log(`  ${violation}`);
    },
  });
  console.log(`Real processes took ${Math.round((performance.now() - startedAt) / 1000)} seconds.`);
  const chosen = proved.filter(({ cases, left }) => cases + left > 0);
  return chosen.map(({ name, cases, left, mostKeysMade, violations }) => ({
    part: caseName(name),
    reach: left === 0 ? "all of them" : `reached its limit, ${left} left`,
    paths: cases,
    "most regenerates": mostKeysMade,
    violations: violations.length,
    shortcoming: left === 0 && cases > 0 ? undefined : `${left} of its cases were not started`,
  }));
}

async function huntAll(): Promise<readonly HuntResult[]> {
  const inSimulation = await pMap(sabotages, hunt, { concurrency: workers });
  const claims = sabotages.find(({ name }) => name === "the engine ignores another runner's claim");
  if (claims === undefined) throw new RangeError("No sabotage ignores claims");
  const name = `in real processes, ${claims.name}`;
  const violations = await huntInProcesses(root, claims);
  const isCaught = violations.some((violation) => violation.startsWith(`${claims.promise}:`));
  console.log(`\n${isCaught ? "caught" : "NOT CAUGHT"}: ${name}\n  ${violations.join("\n  ")}`);
  return [...inSimulation, { name, isCaught, compilerError: undefined, shows: false, isAgreed: true }];
}

async function hunt(sabotage: Sabotage): Promise<HuntResult> {
  const { name, promise, shownBy } = sabotage;
  const copy = createSabotagedCopy(root, sabotage);
  try {
    const compilerError = await compile(copy.folder);
    const terms = { departures: Math.max(departures, 2), seconds: limits.hunt, mostStates };
    const { violation } = await runJob(copy.folder, { kind: "hunt", promise, shownBy, ...terms });
    console.log(`\n${violation === undefined ? "NOT CAUGHT" : "caught"}: ${name}`);
    if (violation !== undefined) console.log(describe(violation));
    const compared = quick ? undefined : await runJob(copy.folder, { kind: "compare" });
    return {
      name,
      isCaught: violation !== undefined,
      compilerError,
      shows: compared?.shows === true,
      isAgreed: compared === undefined || compared.kind === "holds",
    };
  } finally {
    copy.remove();
  }
}

/** Compiles a copy of the project. @returns the first error, or undefined */
async function compile(folder: string): Promise<string | undefined> {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [compiler, "--noEmit"], { cwd: folder });
    return undefined;
  } catch (error) {
    const { stdout } = error as { readonly stdout?: string };
    return stdout?.split("\n")[0] ?? String(error);
  }
}

type Found = NonNullable<JobResult["violation"]>;

/** The departures describe a schedule of departures completely. Any other schedule needs every step. */
function describe({ where, promise, departures: departed, steps }: Found): string {
  const schedule = departed ?? steps;
  return [
    `  ${where}: ${promise}`,
    ...(schedule.length === 0 ? ["    the default schedule"] : schedule.map((step) => `    ${step}`)),
  ].join("\n");
}

function numberIn(option: string, text: string): number {
  const value = Number(text);
  const isWhole = option === "--limit" || Number.isSafeInteger(value);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0 || !isWhole)
    throw new RangeError(`${option} must be a number from 0 on, a whole number except for --limit: ${text}`);
  return value;
}
