import fc from "fast-check";
import { type Choice, faultOf } from "./choice.ts";
import { type ExploreTerms, offers, type Violation, verdict } from "./explore.ts";
import { currentRunner, ordinaryChoice } from "./ordinary.ts";
import { type Simulation, startSimulation } from "./scheduler.ts";

/** So many ordinary steps, and then, in place of the next one, one of all that might happen. */
export interface Interruption {
  readonly after: number;
  /** Another order, or a fault; with nothing in its place the others stay where they are. */
  readonly kind: "nothing" | "order" | "fault";
  /** Which of those that are possible then: as far into them as this is into `picks`. */
  readonly pick: number;
}

export const picks = 0x1_0000;

/** A schedule that shrinks: to fewer interruptions that come sooner, and to another order in place of a fault. */
export const interruptions = (most: number): fc.Arbitrary<readonly Interruption[]> =>
  fc.array(
    fc.record({
      after: fc.nat({ max: 5 }),
      kind: fc.constantFrom("nothing", "order", "fault", "order", "fault"),
      pick: fc.nat({ max: picks - 1 }),
    }),
    { maxLength: most, size: "max" },
  );

export type RandomRun = ({ readonly kind: "holds" } | Pick<Violation, "kind" | "violation">) &
  Pick<Violation, "schedule" | "steps">;

/** Runs the ordinary schedule with these interruptions, to its end or to the first violation. */
export async function runInterrupted(
  terms: ExploreTerms,
  interruptions: readonly Interruption[],
): Promise<RandomRun> {
  const simulation = await startSimulation(terms);
  const schedule: Choice[] = [];
  const left = [...interruptions];
  let ordinarySteps = 0;
  for (;;) {
    const possible = simulation.possible();
    const violation = await verdict(terms, simulation, possible.length === 0);
    const ran = { schedule, steps: simulation.log() };
    if (violation !== undefined) return { kind: "violated", violation, ...ran };
    const ordinary = ordinaryChoice(possible, currentRunner(schedule));
    if (ordinary === undefined) return { kind: "holds", ...ran };

    const [next] = left;
    let choice = ordinary;
    if (next !== undefined && next.after <= ordinarySteps) {
      left.shift();
      ordinarySteps = 0;
      const among = alternatives[next.kind](simulation, terms, schedule);
      choice = among[Math.floor((next.pick / picks) * among.length)] ?? ordinary;
    } else ordinarySteps += 1;
    schedule.push(choice);
    await simulation.step(choice);
  }
}

type Alternatives = (
  simulation: Simulation,
  terms: ExploreTerms,
  schedule: readonly Choice[],
) => readonly Choice[];

const alternatives: Readonly<Record<Interruption["kind"], Alternatives>> = {
  nothing: () => [],
  order: (simulation) => simulation.possible(),
  fault: faultsNow,
};

/** Not of a process that waits for its time: it has done nothing yet that could go wrong. */
function faultsNow(
  simulation: Simulation,
  terms: ExploreTerms,
  schedule: readonly Choice[],
): readonly Choice[] {
  const calling = new Set(simulation.runners().flatMap(({ id, calls }) => (calls.length > 0 ? [id] : [])));
  return offers(simulation, terms, schedule).filter(
    (choice) =>
      choice.kind === "elapse" ||
      (faultOf(choice) !== undefined && (!("runner" in choice) || calling.has(choice.runner))),
  );
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
