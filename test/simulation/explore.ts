import { setImmediate as macrotask } from "node:timers/promises";
import { type Choice, type FateName, type FaultKind, faultOf } from "./choice.ts";
import { hasEffect } from "./fate.ts";
import { type Simulation, type SimulationTerms, startSimulation } from "./scheduler.ts";

/** How many faults of each kind one schedule may hold; none of a kind that is left out. */
export type Bounds = Readonly<Partial<Record<FaultKind | "total" | "slow", number>>>;

export interface ExploreTerms extends SimulationTerms {
  /** What may become of a call, besides the normal. */
  readonly fates: readonly FateName[];
  readonly bounds: Bounds;
  /** For how long the clock may go on by itself where `bounds.wait` allows it, in milliseconds. */
  readonly waitsMs?: readonly number[];
  /** By how much a process's own clock may be set where `bounds.jump` allows it, in milliseconds. */
  readonly jumpsMs?: readonly number[];
  /**
   * What is wrong with this moment, or undefined. It may look at the world and at what runners returned, and
   * start simulations of its own from that world. `ended`: nothing more can happen.
   */
  oracle(simulation: Simulation, ended: boolean): string | undefined | Promise<string | undefined>;
}

export interface Counts {
  /** Different moments. */
  readonly states: number;
  /** Schedules that were run. */
  readonly paths: number;
  /** Different moments after which nothing more can happen. */
  readonly ends: number;
}

export interface Violation {
  readonly kind: "violated";
  readonly violation: string;
  /** Replays exactly, by {@link replay}. */
  readonly schedule: readonly Choice[];
  /** The same in words. */
  readonly steps: readonly string[];
}

export type Exploration = ({ readonly kind: "holds" } | Violation) & Counts;

/**
 * Tries every schedule within the bounds, shortest first, each by a run of its own from the beginning; of
 * schedules that lead to the same moment only one is followed. Stops at the first violation, which is
 * therefore one of the shortest.
 */
export async function exploreAll(terms: ExploreTerms): Promise<Exploration> {
  const met = new Set<string>();
  const queue: (readonly Choice[])[] = [[]];
  let ends = 0;
  let paths = 0;
  for (const schedule of queue) {
    // A simulation never lets go of the event loop; a test's own time limit would not be seen.
    await macrotask();
    const simulation = await replay(terms, schedule);
    paths += 1;
    const moment = `${simulation.hash()}\n${JSON.stringify(spent(schedule))}`;
    if (met.has(moment)) continue;
    met.add(moment);
    const ended = simulation.possible().length === 0;
    if (ended) ends += 1;
    const counts = { states: met.size, paths, ends };
    const violation = await verdict(terms, simulation, ended);
    if (violation !== undefined) {
      return { kind: "violated", violation, schedule, steps: simulation.log(), ...counts };
    }
    if (!ended) for (const choice of offers(simulation, terms, schedule)) queue.push([...schedule, choice]);
  }
  return { kind: "holds", states: met.size, paths, ends };
}

/** Runs a schedule from the beginning. @throws where it does not fit */
export async function replay(terms: SimulationTerms, schedule: readonly Choice[]): Promise<Simulation> {
  const simulation = await startSimulation(terms);
  for (const choice of schedule) await simulation.step(choice);
  return simulation;
}

/** A runner that throws is wrong whatever the oracle says. */
export async function verdict(
  { oracle }: Pick<ExploreTerms, "oracle">,
  simulation: Simulation,
  ended: boolean,
): Promise<string | undefined> {
  for (const { id, state } of simulation.runners()) {
    if (state.kind === "threw") return `no-exception: ${id} threw ${String(state.error)}`;
  }
  return oracle(simulation, ended);
}

type Offer = Pick<ExploreTerms, "fates" | "bounds" | "waitsMs" | "jumpsMs">;

/** All that can happen next: what must, and the faults that the bounds leave. */
export function offers(
  simulation: Simulation,
  { fates, bounds, waitsMs = [], jumpsMs = [] }: Offer,
  schedule: readonly Choice[],
): readonly Choice[] {
  const used = spent(schedule);
  const affordable = (choice: Choice): boolean => {
    const fault = faultOf(choice);
    if (fault === undefined) return true;
    const total = Object.values(used).reduce((sum, count) => sum + count, 0);
    return (used[fault] ?? 0) < (bounds[fault] ?? 0) && total < (bounds.total ?? Number.POSITIVE_INFINITY);
  };
  const live = simulation.runners().filter(({ state }) => state.kind === "live");
  const frozen = simulation.runners().filter(({ state }) => state.kind === "frozen");
  const faults: readonly Choice[] = [
    ...live.flatMap(({ id, calls }) =>
      calls.flatMap(({ number, call }) =>
        fates
          .filter(({ kind }) => hasEffect(call) || !needsEffect.has(kind))
          .filter(({ kind }) => kind !== "twice" || call.operation === "appendBlob")
          .map((fate): Choice => ({ kind: "call", runner: id, call: number, fate })),
      ),
    ),
    ...[...live, ...frozen].map(({ id }): Choice => ({ kind: "kill", runner: id })),
    ...live.map(({ id }): Choice => ({ kind: "freeze", runner: id })),
    ...slowly(simulation, { slow: bounds.slow ?? 0, schedule }),
    ...waitsMs
      .filter((ms) => simulation.world().now + ms <= simulation.latestTime())
      .map((ms): Choice => ({ kind: "wait", ms })),
    ...live.flatMap(({ id }) => jumpsMs.map((ms): Choice => ({ kind: "jump", runner: id, ms }))),
  ];
  return [...simulation.possible(), ...faults.filter(affordable)];
}

/** A call that takes all the time that it may is no fault; how many of them are tried is bounded all the same. */
function slowly(
  simulation: Simulation,
  { slow, schedule }: { readonly slow: number; readonly schedule: readonly Choice[] },
): readonly Choice[] {
  const elapses = simulation.elapsesTo();
  const before = schedule.filter(({ kind }) => kind === "elapse").length;
  return elapses !== undefined && elapses.of !== "frozen" && before < slow ? [{ kind: "elapse" }] : [];
}

/** Without an effect they are `lostBefore` and `diesBefore` over again. */
const needsEffect = new Set<FateName["kind"]>(["lostAfter", "late", "diesAfter"]);

function spent(schedule: readonly Choice[]): Partial<Record<FaultKind, number>> {
  const used: Partial<Record<FaultKind, number>> = {};
  for (const choice of schedule) {
    const fault = faultOf(choice);
    if (fault !== undefined) used[fault] = (used[fault] ?? 0) + 1;
  }
  return used;
}
