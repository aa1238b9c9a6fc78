import { type Choice, faultOf } from "./choice.ts";
import { type ExploreTerms, offers, type Violation, verdict } from "./explore.ts";
import { startSimulation } from "./scheduler.ts";

export interface RandomTerms extends ExploreTerms {
  /** 32 bits; the same seed gives the same schedule. */
  readonly seed: number;
  /** How often a fault is taken where one is possible, from 0 to 1. */
  readonly faultRate: number;
}

export type RandomRun = ({ readonly kind: "holds" } | Omit<Violation, "schedule" | "steps">) &
  Pick<Violation, "schedule" | "steps">;

/** Runs one schedule that the seed decides, to its end or to the first violation. */
export async function runRandom(terms: RandomTerms): Promise<RandomRun> {
  const random = mulberry32(terms.seed);
  const simulation = await startSimulation(terms);
  const schedule: Choice[] = [];
  for (;;) {
    const ended = simulation.possible().length === 0;
    const violation = await verdict(terms, simulation, ended);
    const ran = { schedule, steps: simulation.log() };
    if (violation !== undefined) return { kind: "violated", violation, ...ran };
    if (ended) return { kind: "holds", ...ran };
    const offered = offers(simulation, terms, schedule);
    const faults = offered.filter((choice) => faultOf(choice) !== undefined);
    const among = faults.length > 0 && random() < terms.faultRate ? faults : simulation.possible();
    const choice = among[Math.floor(random() * among.length)];
    if (choice === undefined) throw new RangeError("runRandom: nothing to choose from");
    schedule.push(choice);
    await simulation.step(choice);
  }
}

/** Tommy Ettinger's generator of 32 bits of state: numbers from 0 up to, but not including, 1. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
