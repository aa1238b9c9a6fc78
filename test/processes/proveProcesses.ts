import pMap from "p-map";
import { kill, withoutFaults } from "./kills.ts";
import type { CaseResult, ProcessCase } from "./processCase.ts";
import { race, races } from "./races.ts";
import { changesSomething, interruptionPointsOf } from "./requestName.ts";
import { openSharedEnvironment, type SharedEnvironment } from "./sharedEnvironment.ts";
import { stop } from "./stops.ts";
import { compromisedRuntime, type TestedGateway, testedGateways } from "./testedGateways.ts";

export interface ProcessesOptions {
  /** Called at the end of each case. */
  onProgress?(progress: { readonly name: string; readonly violations: readonly string[] }): void;
  /** No case starts after this time, in milliseconds since 1970. */
  readonly until: number;
  /** The seed of the first round of races; the next rounds count up from it. Default: 1. */
  readonly seed?: number;
  /** Whether to run the case of this name. Default: all of them. */
  isChosen?(name: string): boolean;
}

/** One kind of fault, at every point of interruption. */
export interface ProcessRow {
  readonly name: string;
  readonly cases: number;
  /** Cases that did not start before the time limit. */
  readonly left: number;
  /** The most keys that a case made. */
  readonly mostKeysMade: number;
  /** Each violation, after the name of its case. */
  readonly violations: readonly string[];
}

const rounds = 2;

/**
 * Runs the deployed bundle in real processes, with Azurite and the simulator. Processes are killed at every request,
 * stopped during a takeover, and run two at once.
 */
export async function proveProcesses(options: ProcessesOptions): Promise<readonly ProcessRow[]> {
  const shared = await openSharedEnvironment();
  try {
    const rows: ProcessRow[] = [];
    for (const tested of testedGateways) rows.push(...(await proveSubject(shared, tested, options)));
    return rows;
  } finally {
    await shared.close();
  }
}

async function proveSubject(
  shared: SharedEnvironment,
  tested: TestedGateway,
  options: ProcessesOptions,
): Promise<readonly ProcessRow[]> {
  const { requests, requestsOfFirstRun, ...ordinary } = await withoutFaults(shared, tested);
  const prove = (what: string, cases: readonly ProcessCase[], concurrency: number) =>
    proveAll(shared, `${tested.name}, ${what}`, cases, concurrency, options);

  const changes = requestsOfFirstRun.filter(changesSomething);
  // A compromised gateway differs from the others only in its run, so only the changes of that run are tried.
  const killedAt = tested === compromisedRuntime ? changes : requests;
  const kills = interruptionPointsOf(killedAt).map((point) => kill(tested, point));
  const stops = interruptionPointsOf(changes).flatMap((point) =>
    (["ticks", "another run"] as const).map((successor) => stop(tested, point, successor)),
  );
  const { seed = 1 } = options;
  const raced = races.flatMap((each) =>
    Array.from({ length: rounds }, (_, i) => seed + i).flatMap((seed) =>
      [false, true].map((killing) => race(tested, each, { seed, killing })),
    ),
  );
  const name = `${tested.name}, without faults`;
  const withoutFault: ProcessCase = { name, run: async () => ordinary };
  // A stopped process mostly waits, so more of these cases run at the same time.
  const [ran, stopped, worked] = await Promise.all([
    prove("without faults", [withoutFault], 1),
    prove("stopped at every change", stops, 4),
    prove(`killed at every ${killedAt === changes ? "change" : "request"}`, kills, 2).then(async (row) => [
      row,
      await prove("two at once", raced, 2),
    ]),
  ]);
  return [ran, ...worked, stopped];
}

interface Proved {
  readonly name: string;
  readonly result: CaseResult;
}

async function proveAll(
  shared: SharedEnvironment,
  name: string,
  cases: readonly ProcessCase[],
  concurrency: number,
  { until, onProgress, isChosen = () => true }: ProcessesOptions,
): Promise<ProcessRow> {
  const proved: Proved[] = [];
  const chosen = cases.filter(({ name }) => isChosen(name));
  await pMap(
    chosen,
    async ({ name, run }) => {
      if (Date.now() > until) return;
      const result = await run(shared);
      proved.push({ name, result });
      onProgress?.({ name, violations: result.violations });
    },
    { concurrency },
  );
  return rowOf(name, chosen.length, proved);
}

const rowOf = (name: string, planned: number, proved: readonly Proved[]): ProcessRow => ({
  name,
  cases: proved.length,
  left: planned - proved.length,
  mostKeysMade: Math.max(0, ...proved.map(({ result }) => result.keysMade)),
  violations: proved.flatMap(({ name, result }) => result.violations.map((text) => `${name}: ${text}`)),
});
