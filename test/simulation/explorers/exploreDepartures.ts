import { setImmediate as macrotask } from "node:timers/promises";
import { currentRunner, ordinaryChoice } from "../scheduler/defaultSchedule.ts";
import { type Simulation, startSimulation } from "../scheduler/scheduler.ts";
import { type Choice, faultOf } from "../scheduler/scheduleStep.ts";
import { type ExploreTerms, offers, type Violation, verdict } from "./exploreAll.ts";
import { processorMs } from "./processorTime.ts";

/**
 * What is tried: all schedules that depart from the ordinary one (ordinary.ts) at most so often. A fault is a
 * departure, and so is to let another runner, a landing or a thaw come first.
 */
export interface DepartureTerms extends Omit<ExploreTerms, "oracle"> {
  readonly departures: number;
  /** When to stop, in milliseconds of processor time. */
  readonly until: number;
  /** How many different moments to look at, at most. */
  readonly mostStates: number;
  /** A new oracle for each schedule: it is shown every moment, in order, and may remember. */
  makeOracle(): ExploreTerms["oracle"];
}

export interface DepartureCounts {
  readonly states: number;
  readonly schedules: number;
  /** Every schedule with up to so many departures was tried; -1: not even the ordinary one. */
  readonly complete: number;
}

export type DepartureResult = DepartureCounts &
  (
    | { readonly kind: "holds" | "cut" }
    | (Pick<Violation, "kind" | "violation" | "schedule" | "steps"> & {
        /** Those of `steps` that depart, in order. */
        readonly departures: readonly string[];
      })
  );

interface Prefix {
  readonly schedule: readonly Choice[];
  /** Positions in `schedule`. */
  readonly departures: readonly number[];
}

/** Tries schedules with the fewest departures first; of those that meet in one moment only one is followed. */
export async function exploreDepartures(terms: DepartureTerms): Promise<DepartureResult> {
  const met = new Set<string>();
  let schedules = 0;
  let frontier: Prefix[] = [{ schedule: [], departures: [] }];

  for (let level = 0; level <= terms.departures; level += 1) {
    const next: Prefix[] = [];
    for (const prefix of frontier) {
      if (processorMs() > terms.until || met.size > terms.mostStates) {
        return { kind: "cut", states: met.size, schedules, complete: level - 1 };
      }
      await macrotask();
      schedules += 1;
      const branches = level < terms.departures ? next : undefined;
      const found = await follow(terms, prefix, met, branches);
      if (found === undefined) continue;
      const { simulation, violation, schedule } = found;
      const steps = simulation.log();
      const departures = prefix.departures.map((i) => steps[i] ?? "");
      const counts = { states: met.size, schedules, complete: level - 1 };
      return { kind: "violated", violation, schedule, steps, departures, ...counts };
    }
    frontier = next;
  }
  return { kind: "holds", states: met.size, schedules, complete: terms.departures };
}

/** Runs a prefix, then the ordinary schedule to its end, and collects where it could have departed. */
async function follow(
  terms: DepartureTerms,
  prefix: Prefix,
  met: Set<string>,
  branches: Prefix[] | undefined,
): Promise<{ simulation: Simulation; violation: string; schedule: readonly Choice[] } | undefined> {
  const oracle = terms.makeOracle();
  const simulation = await startSimulation(terms);
  const schedule: Choice[] = [];
  const take = async (choice: Choice): Promise<void> => {
    schedule.push(choice);
    await simulation.step(choice);
  };
  for (const choice of prefix.schedule) {
    await oracle(simulation, false);
    await take(choice);
  }
  for (;;) {
    const current = currentRunner(schedule);
    const moment = `${simulation.hash()}\n${faultsIn(schedule)}\n${current}`;
    if (met.has(moment)) return undefined;
    met.add(moment);
    const ordinary = ordinaryChoice(simulation.possible(), current);
    const violation = await verdict({ oracle }, simulation, ordinary === undefined);
    if (violation !== undefined) return { simulation, violation, schedule };
    if (ordinary === undefined) return undefined;
    for (const choice of branches === undefined ? [] : offers(simulation, terms, schedule)) {
      if (isSame(choice, ordinary)) continue;
      const departures = [...prefix.departures, schedule.length];
      branches?.push({ schedule: [...schedule, choice], departures });
    }
    await take(ordinary);
  }
}

const faultsIn = (schedule: readonly Choice[]): string =>
  schedule
    .flatMap((choice) => faultOf(choice) ?? [])
    .sort()
    .join();

const isSame = (a: Choice, b: Choice): boolean => JSON.stringify(a) === JSON.stringify(b);
