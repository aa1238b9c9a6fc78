import type { RunnerPair } from "../engine/runnerPairs.ts";
import { createPromises } from "../promises/createPromises.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import type { CallFault } from "../scheduler/scheduleStep.ts";
import type { InterleavingFault } from "./explorationState.ts";
import { type Exploration, exploreAll } from "./exploreAll.ts";
import { exploreInterleavings, type InterleavingChecks } from "./exploreInterleavings.ts";

/** Checks that depend on the world alone, and not on the way to it. */
export type WorldChecks = Pick<InterleavingChecks, "inWorld" | "atEnd">;

const callFaultsOf: Readonly<Record<InterleavingFault, readonly CallFault[]>> = {
  crash: [{ kind: "diesBefore" }, { kind: "diesAfter" }],
  freeze: [],
  loss: [{ kind: "lostBefore" }, { kind: "lostAfter" }, { kind: "late" }],
};

/** Reaches the same ends as `exploreInterleavings`, but replays every schedule from its beginning. */
export function exploreByReplay(
  simulation: SimulationTerms,
  faults: readonly InterleavingFault[],
  checks: WorldChecks,
): Promise<Exploration> {
  return exploreAll({
    ...simulation,
    callFaults: faults.flatMap((fault) => callFaultsOf[fault]),
    bounds: Object.fromEntries(faults.map((fault) => [fault, 1])),
    oracle(reached, ended) {
      const world = reached.world();
      return checks.inWorld(world) ?? (ended ? checks.atEnd(world, faults) : undefined);
    },
  });
}

/** `exploreInterleavings`, which merges equal states, with the same parameters. */
export const exploreMerged = (
  simulation: SimulationTerms,
  faults: readonly InterleavingFault[],
  checks: WorldChecks,
) =>
  exploreInterleavings({
    ...simulation,
    faults,
    mostFaults: faults.length,
    until: Number.POSITIVE_INFINITY,
    mostStates: Number.POSITIVE_INFINITY,
    checks: { ...checks, beforeSending: () => undefined, onEvents: () => undefined },
  });

/** Explores a pair both ways. @returns what each of them found */
export async function compareExplorers({ make }: RunnerPair, faults: readonly InterleavingFault[]) {
  const { simulation, promises } = await make();
  const { inWorld, atEnd } = createPromises(promises);
  const checks: WorldChecks = {
    inWorld,
    atEnd: (world) =>
      atEnd(world, { count: faults.length, crashes: faults.length, refusals: 0, journalAnswers: 0 }),
  };
  const merged = await exploreMerged(simulation, faults, checks);
  const replayed = await exploreByReplay(simulation, faults, checks);
  return { merged, replayed };
}
