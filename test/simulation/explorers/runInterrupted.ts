import fc from "fast-check";
import { currentRunner, defaultStep } from "../scheduler/defaultSchedule.ts";
import { type Simulation, startSimulation } from "../scheduler/scheduler.ts";
import { faultOf, type ScheduleStep } from "../scheduler/scheduleStep.ts";
import { type ExploreTerms, type FoundViolation, findViolation, nextSteps } from "./exploreAll.ts";

/** After so many default steps, another possible step replaces the next one. */
export interface Interruption {
  readonly after: number;
  /** Another order, or a fault. `nothing` replaces no step, so that the other interruptions keep their places. */
  readonly kind: "nothing" | "order" | "fault";
  /** Selects one of the steps that are possible then: `pick / picks` is the relative position among them. */
  readonly pick: number;
}

export const picks = 0x1_0000;

/** Interruptions that fast-check shrinks to fewer and earlier ones, and to another order rather than a fault. */
export const interruptions = (most: number): fc.Arbitrary<readonly Interruption[]> =>
  fc.array(
    fc.record({
      after: fc.nat({ max: 5 }),
      kind: fc.constantFrom("nothing", "order", "fault", "order", "fault"),
      pick: fc.nat({ max: picks - 1 }),
    }),
    { maxLength: most, size: "max" },
  );

export type InterruptedRun = ({ readonly kind: "holds" } | Pick<FoundViolation, "kind" | "violation">) &
  Pick<FoundViolation, "schedule" | "steps">;

/** Runs the default schedule with these interruptions, to its end or to the first violation. */
export async function runInterrupted(
  terms: ExploreTerms,
  interruptions: readonly Interruption[],
): Promise<InterruptedRun> {
  const simulation = await startSimulation(terms);
  const schedule: ScheduleStep[] = [];
  const left = [...interruptions];
  let defaultSteps = 0;
  for (;;) {
    const possible = simulation.possible();
    const violation = await findViolation(terms, simulation, possible.length === 0);
    const ran = { schedule, steps: simulation.log() };
    if (violation !== undefined) return { kind: "violated", violation, ...ran };
    const byDefault = defaultStep(possible, currentRunner(schedule));
    if (byDefault === undefined) return { kind: "holds", ...ran };

    const [next] = left;
    let step = byDefault;
    if (next !== undefined && next.after <= defaultSteps) {
      left.shift();
      defaultSteps = 0;
      const among = alternatives[next.kind](simulation, terms, schedule);
      step = among[Math.floor((next.pick / picks) * among.length)] ?? byDefault;
    } else defaultSteps += 1;
    schedule.push(step);
    await simulation.step(step);
  }
}

type Alternatives = (
  simulation: Simulation,
  terms: ExploreTerms,
  schedule: readonly ScheduleStep[],
) => readonly ScheduleStep[];

const alternatives: Readonly<Record<Interruption["kind"], Alternatives>> = {
  nothing: () => [],
  order: (simulation) => simulation.possible(),
  fault: possibleFaults,
};

/** A process that has no pending call gets no fault: it has done nothing yet that a fault could spoil. */
function possibleFaults(
  simulation: Simulation,
  terms: ExploreTerms,
  schedule: readonly ScheduleStep[],
): readonly ScheduleStep[] {
  const calling = new Set(simulation.runners().flatMap(({ id, calls }) => (calls.length > 0 ? [id] : [])));
  return nextSteps(simulation, terms, schedule).filter(
    (step) =>
      step.kind === "elapse" ||
      (faultOf(step) !== undefined && (!("runner" in step) || calling.has(step.runner))),
  );
}
