import { setImmediate as macrotask } from "node:timers/promises";
import { currentRunner, defaultStep } from "../scheduler/defaultSchedule.ts";
import { type Simulation, startSimulation } from "../scheduler/scheduler.ts";
import { faultOf, type ScheduleStep } from "../scheduler/scheduleStep.ts";
import {
  type ExploreTerms,
  type FoundViolation,
  findViolation,
  nextSteps,
  processorMs,
} from "./exploreAll.ts";

/**
 * Which schedules are tried: all that depart from the default schedule (defaultSchedule.ts) at most so often. A fault
 * is a departure. It is also one if another runner, a late call or a thaw comes first.
 */
export interface DepartureTerms extends Omit<ExploreTerms, "oracle"> {
  readonly departures: number;
  /** When to stop, in milliseconds of processor time. */
  readonly until: number;
  /** How many different states to visit at most. */
  readonly mostStates: number;
  /** Makes an oracle for one schedule. It sees every state in order, and may remember what it saw. */
  makeOracle(): ExploreTerms["oracle"];
}

export interface DepartureCounts {
  readonly states: number;
  readonly schedules: number;
  /** All schedules with up to so many departures were tried; -1: not even the default schedule. */
  readonly complete: number;
}

export type DepartureResult = DepartureCounts &
  (
    | { readonly kind: "holds" | "cut" }
    | (Pick<FoundViolation, "kind" | "violation" | "schedule" | "steps"> & {
        /** Those of `steps` that depart, in order. */
        readonly departures: readonly string[];
      })
  );

interface Prefix {
  readonly schedule: readonly ScheduleStep[];
  /** Indexes into `schedule`. */
  readonly departures: readonly number[];
}

/** Tries schedules with the fewest departures first. Of several that lead to the same state it follows one. */
export async function exploreDepartures(terms: DepartureTerms): Promise<DepartureResult> {
  const visited = new Set<string>();
  let schedules = 0;
  let frontier: Prefix[] = [{ schedule: [], departures: [] }];

  for (let level = 0; level <= terms.departures; level += 1) {
    const next: Prefix[] = [];
    for (const prefix of frontier) {
      if (processorMs() > terms.until || visited.size > terms.mostStates) {
        return { kind: "cut", states: visited.size, schedules, complete: level - 1 };
      }
      await macrotask();
      schedules += 1;
      const branches = level < terms.departures ? next : undefined;
      const found = await follow(terms, prefix, visited, branches);
      if (found === undefined) continue;
      const { simulation, violation, schedule } = found;
      const steps = simulation.log();
      const departures = prefix.departures.map((i) => steps[i] ?? "");
      const counts = { states: visited.size, schedules, complete: level - 1 };
      return { kind: "violated", violation, schedule, steps, departures, ...counts };
    }
    frontier = next;
  }
  return { kind: "holds", states: visited.size, schedules, complete: terms.departures };
}

/**
 * Runs a prefix, then the default schedule to its end.
 *
 * @param branches receives a prefix for each departure that was possible on the way
 */
async function follow(
  terms: DepartureTerms,
  prefix: Prefix,
  visited: Set<string>,
  branches: Prefix[] | undefined,
): Promise<{ simulation: Simulation; violation: string; schedule: readonly ScheduleStep[] } | undefined> {
  const oracle = terms.makeOracle();
  const simulation = await startSimulation(terms);
  const schedule: ScheduleStep[] = [];
  const take = async (step: ScheduleStep): Promise<void> => {
    schedule.push(step);
    await simulation.step(step);
  };
  for (const step of prefix.schedule) {
    await oracle(simulation, false);
    await take(step);
  }
  for (;;) {
    const current = currentRunner(schedule);
    const state = `${simulation.hash()}\n${faultsIn(schedule)}\n${current}`;
    if (visited.has(state)) return undefined;
    visited.add(state);
    const next = defaultStep(simulation.possible(), current);
    const violation = await findViolation({ oracle }, simulation, next === undefined);
    if (violation !== undefined) return { simulation, violation, schedule };
    if (next === undefined) return undefined;
    for (const step of branches === undefined ? [] : nextSteps(simulation, terms, schedule)) {
      if (isSame(step, next)) continue;
      const departures = [...prefix.departures, schedule.length];
      branches?.push({ schedule: [...schedule, step], departures });
    }
    await take(next);
  }
}

const faultsIn = (schedule: readonly ScheduleStep[]): string =>
  schedule
    .flatMap((step) => faultOf(step) ?? [])
    .sort()
    .join();

const isSame = (a: ScheduleStep, b: ScheduleStep): boolean => JSON.stringify(a) === JSON.stringify(b);
