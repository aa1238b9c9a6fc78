import type { Pair } from "../engine/runnerPairs.ts";
import { createPromises } from "../promises/createPromises.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import type { FateName } from "../scheduler/scheduleStep.ts";
import type { OneFault } from "./explorationState.ts";
import { type Exploration, exploreAll } from "./exploreAll.ts";
import { exploreInterleavings, type Watch } from "./exploreInterleavings.ts";

/** What is wrong with a world, however it was come to. */
export type WorldWatch = Pick<Watch, "inWorld" | "atEnd">;

const fatesOf: Readonly<Record<OneFault, readonly FateName[]>> = {
  crash: [{ kind: "diesBefore" }, { kind: "diesAfter" }],
  freeze: [],
  loss: [{ kind: "lostBefore" }, { kind: "lostAfter" }, { kind: "late" }],
};

/** What `exploreInterleavings` reaches, by replay of every schedule from its beginning, with nothing left out. */
export function explorePlainly(
  simulation: SimulationTerms,
  faults: readonly OneFault[],
  watch: WorldWatch,
): Promise<Exploration> {
  return exploreAll({
    ...simulation,
    fates: faults.flatMap((fault) => fatesOf[fault]),
    bounds: Object.fromEntries(faults.map((fault) => [fault, 1])),
    oracle(moment, ended) {
      const world = moment.world();
      return watch.inWorld(world) ?? (ended ? watch.atEnd(world, faults) : undefined);
    },
  });
}

/** The same, by what the proof goes by. */
export const exploreReduced = (simulation: SimulationTerms, faults: readonly OneFault[], watch: WorldWatch) =>
  exploreInterleavings({
    ...simulation,
    faults,
    mostFaults: faults.length,
    until: Number.POSITIVE_INFINITY,
    mostStates: Number.POSITIVE_INFINITY,
    watch: { ...watch, beforeSending: () => undefined, onEvents: () => undefined },
  });

/** Whether either finds anything wrong with a pair. */
export async function compare({ make }: Pair, faults: readonly OneFault[]) {
  const { simulation, promises } = await make();
  const { inWorld, atEnd } = createPromises(promises);
  const watch: WorldWatch = {
    inWorld,
    atEnd: (world) =>
      atEnd(world, { count: faults.length, crashes: faults.length, refusals: 0, journalAnswers: 0 }),
  };
  const reduced = await exploreReduced(simulation, faults, watch);
  const plain = await explorePlainly(simulation, faults, watch);
  return { reduced, plain };
}
