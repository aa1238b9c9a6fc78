import pMap from "p-map";
import { changesOfFirstRun, momentsOf } from "./interruptionPoints.ts";
import { kill, undisturbed } from "./kills.ts";
import type { Case, Verdict } from "./processCase.ts";
import { race, races } from "./races.ts";
import { type Lab, openLab } from "./sharedEnvironment.ts";
import { stop } from "./stops.ts";
import { compromisedRuntime, type Subject, subjects } from "./testedGateways.ts";

export interface ProcessesOptions {
  /** Called at the end of each case. */
  onProgress?(progress: { readonly name: string; readonly violations: readonly string[] }): void;
  /** No case is begun after it, in milliseconds since 1970. */
  readonly until: number;
  /** Of the races' first round; the others follow it. Default: 1. */
  readonly seed?: number;
}

/** One kind of fault, tried at every place. */
export interface Row {
  readonly name: string;
  readonly cases: number;
  /** Not begun for want of time. */
  readonly left: number;
  /** The most keys that a case made. */
  readonly mostKeysMade: number;
  /** The case, and what did not hold in it. */
  readonly violations: readonly string[];
}

const rounds = 2;

/**
 * The deployed bundle in real processes, on real blob storage and simulated services: killed at every request, stopped
 * across a takeover, and two at once.
 */
export async function proveProcesses(options: ProcessesOptions): Promise<readonly Row[]> {
  const lab = await openLab();
  try {
    const rows: Row[] = [];
    for (const subject of subjects) rows.push(...(await proveSubject(lab, subject, options)));
    return rows;
  } finally {
    await lab.close();
  }
}

async function proveSubject(lab: Lab, subject: Subject, options: ProcessesOptions): Promise<readonly Row[]> {
  const { requests, ...ordinary } = await undisturbed(lab, subject);
  const prove = (what: string, cases: readonly Case[], concurrency: number) =>
    proveAll(lab, `${subject.name}, ${what}`, cases, concurrency, options);

  const changes = changesOfFirstRun(requests);
  // An emergency differs in its run alone: what comes after it is as with the others.
  const struck = subject === compromisedRuntime ? changes : requests;
  const kills = momentsOf(struck).map((moment) => kill(subject, moment));
  const stops = momentsOf(changes).flatMap((moment) =>
    (["ticks", "another run"] as const).map((taker) => stop(subject, moment, taker)),
  );
  const { seed = 1 } = options;
  const raced = races.flatMap((each) =>
    Array.from({ length: rounds }, (_, i) => seed + i).flatMap((seed) =>
      [false, true].map((killing) => race(subject, each, { seed, killing })),
    ),
  );
  const undisturbedRow = rowOf(`${subject.name}, undisturbed`, 1, [
    { name: subject.name, verdict: ordinary },
  ]);
  // Most of a stop is waiting, all of the others is work.
  const [stopped, worked] = await Promise.all([
    prove("stopped at every change", stops, 4),
    prove(`killed at every ${struck === changes ? "change" : "request"}`, kills, 2).then(async (row) => [
      row,
      await prove("two at once", raced, 2),
    ]),
  ]);
  return [undisturbedRow, ...worked, stopped];
}

interface Proved {
  readonly name: string;
  readonly verdict: Verdict;
}

async function proveAll(
  lab: Lab,
  name: string,
  cases: readonly Case[],
  concurrency: number,
  { until, onProgress }: ProcessesOptions,
): Promise<Row> {
  const proved: Proved[] = [];
  await pMap(
    cases,
    async ({ name, run }) => {
      if (Date.now() > until) return;
      const verdict = await run(lab);
      proved.push({ name, verdict });
      onProgress?.({ name, violations: verdict.violations });
    },
    { concurrency },
  );
  return rowOf(name, cases.length, proved);
}

const rowOf = (name: string, planned: number, proved: readonly Proved[]): Row => ({
  name,
  cases: proved.length,
  left: planned - proved.length,
  mostKeysMade: Math.max(0, ...proved.map(({ verdict }) => verdict.keysMade)),
  violations: proved.flatMap(({ name, verdict }) => verdict.violations.map((text) => `${name}: ${text}`)),
});

/** `node test/processes/proveProcesses.ts [seconds]` */
if (import.meta.main) {
  const [, , seconds = "360"] = process.argv;
  const startedAt = Date.now();
  const rows = await proveProcesses({
    until: startedAt + Number(seconds) * 1000,
    onProgress: ({ name, violations }) =>
      console.log([name, ...violations.map((text) => `  ${text}`)].join("\n")),
  });
  console.table(rows.map(({ violations, ...row }) => ({ ...row, violations: violations.length })));
  console.log(`${Math.round((Date.now() - startedAt) / 1000)} s`);
  process.exitCode = rows.some(({ violations }) => violations.length > 0) ? 1 : 0;
}
