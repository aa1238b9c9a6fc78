import { setImmediate as macrotask } from "node:timers/promises";
import { hasEffect } from "../models/call.ts";
import { type Simulation, type SimulationTerms, startSimulation } from "../scheduler/scheduler.ts";
import { type CallFault, type FaultKind, faultOf, type ScheduleStep } from "../scheduler/scheduleStep.ts";

/** How many faults of each kind one schedule may contain. A kind that is left out has none. */
export type FaultBounds = Readonly<Partial<Record<FaultKind | "slow", number>>>;

export interface ExploreTerms extends SimulationTerms {
  /** The faults that a call may meet. */
  readonly callFaults: readonly CallFault[];
  readonly bounds: FaultBounds;
  /** For how long the clock may advance by itself where `bounds.wait` permits it, in milliseconds. */
  readonly waitsMs?: readonly number[];
  /** By how much a process's own clock may be moved where `bounds.jump` permits it, in milliseconds. */
  readonly jumpsMs?: readonly number[];
  /**
   * Returns what is wrong with this state, or undefined. It may read the world and the runners' results, and start
   * simulations of its own from that world.
   *
   * @param ended no further step is possible
   */
  oracle(simulation: Simulation, ended: boolean): string | undefined | Promise<string | undefined>;
}

export interface Counts {
  /** Different states. */
  readonly states: number;
  /** Schedules that were run. */
  readonly paths: number;
  /** Different states in which no further step is possible. */
  readonly ends: number;
}

/** A violation and the schedule that leads to it. */
export interface FoundViolation {
  readonly kind: "violated";
  readonly violation: string;
  /** Replays exactly, by {@link replay}. */
  readonly schedule: readonly ScheduleStep[];
  /** The same schedule in words. */
  readonly steps: readonly string[];
}

export type Exploration = ({ readonly kind: "holds" } | FoundViolation) & Counts;

/**
 * Tries every schedule within the bounds, shortest first, and runs each from the beginning. Of several schedules that
 * lead to the same state it follows one. It stops at the first violation, so that is one of the shortest.
 */
export async function exploreAll(terms: ExploreTerms): Promise<Exploration> {
  const visited = new Set<string>();
  const queue: (readonly ScheduleStep[])[] = [[]];
  let ends = 0;
  let paths = 0;
  for (const schedule of queue) {
    // A simulation never yields to the event loop, so a test's time limit would not fire.
    await macrotask();
    const simulation = await replay(terms, schedule);
    paths += 1;
    const state = `${simulation.hash()}\n${JSON.stringify(faultsUsed(schedule))}`;
    if (visited.has(state)) continue;
    visited.add(state);
    const ended = simulation.possible().length === 0;
    if (ended) ends += 1;
    const counts = { states: visited.size, paths, ends };
    const violation = await findViolation(terms, simulation, ended);
    if (violation !== undefined) {
      return { kind: "violated", violation, schedule, steps: simulation.log(), ...counts };
    }
    if (!ended) for (const step of nextSteps(simulation, terms, schedule)) queue.push([...schedule, step]);
  }
  return { kind: "holds", states: visited.size, paths, ends };
}

/** Runs a schedule from the beginning. @throws if a step of it is not possible */
export async function replay(terms: SimulationTerms, schedule: readonly ScheduleStep[]): Promise<Simulation> {
  const simulation = await startSimulation(terms);
  for (const step of schedule) await simulation.step(step);
  return simulation;
}

/** What is wrong with this state: a runner that threw, or else what the oracle returns. */
export async function findViolation(
  { oracle }: Pick<ExploreTerms, "oracle">,
  simulation: Simulation,
  ended: boolean,
): Promise<string | undefined> {
  for (const { id, state } of simulation.runners()) {
    if (state.kind === "threw") return `no-exception: ${id} threw ${String(state.error)}`;
  }
  return oracle(simulation, ended);
}

type StepTerms = Pick<ExploreTerms, "callFaults" | "bounds" | "waitsMs" | "jumpsMs">;

/** All steps that are possible next: those without a fault, and the faults that the bounds still permit. */
export function nextSteps(
  simulation: Simulation,
  { callFaults, bounds, waitsMs = [], jumpsMs = [] }: StepTerms,
  schedule: readonly ScheduleStep[],
): readonly ScheduleStep[] {
  const used = faultsUsed(schedule);
  const isPermitted = (step: ScheduleStep): boolean => {
    const fault = faultOf(step);
    return fault === undefined || (used[fault] ?? 0) < (bounds[fault] ?? 0);
  };
  const live = simulation.runners().filter(({ state }) => state.kind === "live");
  const frozen = simulation.runners().filter(({ state }) => state.kind === "frozen");
  const faults: readonly ScheduleStep[] = [
    ...live.flatMap(({ id, calls }) =>
      calls.flatMap(({ number, call }) =>
        callFaults
          .filter(({ kind }) => hasEffect(call) || !needsEffect.has(kind))
          .filter(({ kind }) => kind !== "twice" || call.operation === "appendBlob")
          .map((delivery): ScheduleStep => ({ kind: "call", runner: id, call: number, delivery })),
      ),
    ),
    ...[...live, ...frozen].map(({ id }): ScheduleStep => ({ kind: "kill", runner: id })),
    ...live.map(({ id }): ScheduleStep => ({ kind: "freeze", runner: id })),
    ...slowCall(simulation, { slow: bounds.slow ?? 0, schedule }),
    ...waitsMs
      .filter((ms) => simulation.world().now + ms <= simulation.latestTime())
      .map((ms): ScheduleStep => ({ kind: "wait", ms })),
    ...live.flatMap(({ id }) => jumpsMs.map((ms): ScheduleStep => ({ kind: "jump", runner: id, ms }))),
  ];
  return [...simulation.possible(), ...faults.filter(isPermitted)];
}

/** A call that takes all its permitted time is no fault, but its number is bounded too. */
function slowCall(
  simulation: Simulation,
  { slow, schedule }: { readonly slow: number; readonly schedule: readonly ScheduleStep[] },
): readonly ScheduleStep[] {
  const limit = simulation.nextClockLimit();
  const before = schedule.filter(({ kind }) => kind === "elapse").length;
  return limit !== undefined && limit.of !== "frozen" && before < slow ? [{ kind: "elapse" }] : [];
}

/** For a call without an effect, these are the same as `lostBefore` and `diesBefore`. */
const needsEffect = new Set<CallFault["kind"]>(["lostAfter", "late", "diesAfter"]);

function faultsUsed(schedule: readonly ScheduleStep[]): Partial<Record<FaultKind, number>> {
  const used: Partial<Record<FaultKind, number>> = {};
  for (const step of schedule) {
    const fault = faultOf(step);
    if (fault !== undefined) used[fault] = (used[fault] ?? 0) + 1;
  }
  return used;
}

/** Processor time of this process, in milliseconds. A limit in it reaches equally far on a busy machine. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
