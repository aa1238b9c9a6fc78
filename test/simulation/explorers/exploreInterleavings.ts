import { setImmediate as macrotask } from "node:timers/promises";
import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import { type Call, hasEffect } from "../models/call.ts";
import type { World } from "../models/world.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import type { ScheduleStep } from "../scheduler/scheduleStep.ts";
import { killedAt, type TimeLimits } from "../scheduler/timeLimits.ts";
import {
  type ActiveRunner,
  afterClockAdvance,
  blocksClock,
  type CallingPosition,
  canWake,
  type ExplorationState,
  ended,
  type FaultSet,
  type FaultSets,
  faultsOf,
  hasFault,
  type InterleavingFault,
  isCovered,
  isLast,
  type LateCall,
  type RunnerStatus,
  scheduleTo,
  stateKey,
  thawTime,
  withFault,
  withFaultSet,
} from "./explorationState.ts";
import { processorMs } from "./exploreAll.ts";
import { createRunnerTable, type Observation, type RunnerPosition } from "./runnerTable.ts";
import { type CachedWorld, createWorldCache } from "./worldCache.ts";

export interface InterleavingTerms extends SimulationTerms {
  readonly faults: readonly InterleavingFault[];
  /** How many faults one schedule may contain in total. */
  readonly mostFaults: number;
  /** When to stop, in milliseconds of processor time. */
  readonly until: number;
  /** How many different states to visit at most. */
  readonly mostStates: number;
  readonly checks: InterleavingChecks;
}

/** Each check returns what is wrong, or undefined. */
export interface InterleavingChecks {
  inWorld(world: World): string | undefined;
  /** Checks a call that a runner is about to send. */
  beforeSending(world: World, call: Call): string | undefined;
  /** Checks the events that a runner has just emitted. */
  onEvents(
    world: World,
    fresh: readonly RotationEvent[],
    earlier: readonly RotationEvent[],
  ): string | undefined;
  atEnd(world: World, faults: readonly InterleavingFault[]): string | undefined | Promise<string | undefined>;
}

export interface InterleavingCounts {
  /** Different states. */
  readonly states: number;
  /** Transitions from one state to the next. */
  readonly paths: number;
  /** Different worlds in which no further step is possible. */
  readonly ends: number;
  /** All schedules with up to so many faults were tried; -1: not even those without a fault. */
  readonly complete: number;
}

export type Interleavings = InterleavingCounts &
  (
    | { readonly kind: "holds" | "cut" }
    /** The schedule replays exactly, in the scheduler. */
    | { readonly kind: "violated"; readonly violation: string; readonly schedule: readonly ScheduleStep[] }
  );

/** What a step changes besides the runner itself. */
type Change = Pick<ExplorationState, "world" | "late" | "used"> & { readonly step: ScheduleStep };

/**
 * Tries every order of the calls of several runners, with at most one fault of each kind anywhere in it. It reaches
 * the same ends as `exploreAll` with the same faults, but visits each state once. Four facts make that possible:
 *
 * - No code runs twice. A runner's next action depends only on what it has seen, and the effect of a call depends only
 *   on the world. So both are tables that the real code fills (runnerTable.ts, worldCache.ts), and a state is a few
 *   numbers.
 * - States are merged where everything that can follow is the same. A state that was reached with fewer faults covers
 *   the same state with more: whatever follows the latter can follow the former.
 * - A freeze matters only where it lets the clock advance beyond the limit of its runner's call or timer. So a runner
 *   freezes only while another runner waits for that. It thaws when it acts, or at the last permitted moment if another
 *   runner waits for longer. An earlier freeze does not move that moment, and an earlier thaw only brings the time limit
 *   of its call forward: neither permits another schedule.
 * - A crash, too, matters only where it lets the clock advance, or where no other runner is left. Before that, a dead
 *   runner looks like one that has not acted yet. A call whose answer its runner never sees is a call followed by a
 *   crash. A crash of a frozen runner is the same as a crash in place of the freeze.
 *
 * Schedules with the fewest faults come first, and of these the shortest.
 */
export async function exploreInterleavings(terms: InterleavingTerms): Promise<Interleavings> {
  const { checks } = terms;
  const worlds = createWorldCache();
  const definitions = terms.runners;
  const tables = await Promise.all(definitions.map((each) => createRunnerTable(each, terms.world)));
  const visited = new Map<string, FaultSets>();
  const queues = Array.from({ length: terms.mostFaults + 1 }, (): ExplorationState[] => []);
  const checked = new Map<string, string | undefined>();
  const ends = new Set<number>();
  let states = 0;
  let paths = 0;
  let violated: { readonly violation: string; readonly schedule: readonly ScheduleStep[] } | undefined;

  const idOf = (runner: number): string => definitions[runner]?.id ?? "";

  function report(state: ExplorationState, violation: string | undefined): void {
    if (violation !== undefined) violated ??= { violation, schedule: scheduleTo(state) };
  }

  /** The result of a check that depends only on what `key` names. */
  function once(key: string, check: () => string | undefined): string | undefined {
    if (!checked.has(key)) checked.set(key, check());
    return checked.get(key);
  }

  function reach(state: ExplorationState): void {
    paths += 1;
    const key = stateKey(state);
    const before = visited.get(key) ?? 0;
    if (isCovered(before, state.used)) return;
    visited.set(key, withFaultSet(before, state.used));
    states += 1;
    const { world, used } = state;
    const violation = once(`${world.id}`, () => checks.inWorld(world.world));
    report(state, violation);
    queues[faultsOf(used).length]?.push(state);
  }

  /** A runner sees the result of its call or timer, and proceeds to its next one. */
  async function proceed(
    state: ExplorationState,
    runner: number,
    { kind, position: at }: ActiveRunner,
    observation: Observation,
    { step, ...change }: Change,
  ): Promise<void> {
    const known = tables[runner]?.next(at, observation);
    const position = known instanceof Promise ? await known : known;
    if (position === undefined) return;
    const { world } = change;
    const thaw: readonly ScheduleStep[] = kind === "frozen" ? [{ kind: "thaw", runner: idOf(runner) }] : [];
    const statuses = state.statuses.with(runner, statusAt(position, world, terms));
    const next: ExplorationState = {
      ...change,
      statuses,
      path: { before: state.path, steps: [...thaw, step] },
    };
    if (position.kind === "threw")
      report(next, `no-exception: ${idOf(runner)} threw ${String(position.error)}`);
    const { fresh, earlier } = position.events;
    if (fresh.length > 0)
      report(
        next,
        once(`${world.id} ${runner} ${position.id} events`, () =>
          checks.onEvents(world.world, fresh, earlier),
        ),
      );
    if (position.kind === "calling") {
      const key = `${world.id} ${runner} ${position.id}`;
      const violation = once(key, () => checks.beforeSending(world.world, position.call));
      report(next, violation);
    }
    reach(next);
  }

  const isLeft = (fault: InterleavingFault, { used }: ExplorationState): boolean =>
    terms.faults.includes(fault) && !hasFault(used, fault) && faultsOf(used).length < terms.mostFaults;

  async function call(
    state: ExplorationState,
    runner: number,
    status: ActiveRunner,
    position: CallingPosition,
  ): Promise<void> {
    const { world, late } = state;
    const { answer, after } = worlds.act(world, position.call, position.effect);
    const deliver = (
      kind: "normal" | "lostBefore" | "lostAfter" | "late",
      observation: Pick<Observation, "kind" | "answer">,
      change: Partial<ExplorationState>,
    ): Promise<void> => {
      const step: ScheduleStep = {
        kind: "call",
        runner: idOf(runner),
        call: position.number,
        delivery: { kind },
      };
      const { used } = state;
      return proceed(
        state,
        runner,
        status,
        { ...observation, world: world.world },
        { world, late, used, ...change, step },
      );
    };
    await deliver("normal", { kind: "answered", answer }, { world: after });
    if (!isLeft("loss", state)) return;
    const used = withFault(state.used, "loss");
    const lost = { kind: "lost", answer: "" } as const;
    await deliver("lostBefore", lost, { used });
    if (!hasEffect(position.call)) return;
    await deliver("lostAfter", lost, { used, world: after });
    // A frozen runner sends its call only now.
    const since = status.kind === "frozen" ? world.world.now : status.since;
    const timedOut = { kind: "timedOut", answer: "" } as const;
    await deliver("late", timedOut, { used, late: [...late, { runner, position, since }] });
  }

  function land(state: ExplorationState, lateCall: LateCall): void {
    const { position, runner } = lateCall;
    reach({
      ...state,
      world: worlds.act(state.world, position.call, position.effect).after,
      late: state.late.filter((each) => each !== lateCall),
      path: { before: state.path, steps: [{ kind: "land", runner: idOf(runner), call: position.number }] },
    });
  }

  async function wake(
    state: ExplorationState,
    runner: number,
    status: ActiveRunner,
    due: number,
  ): Promise<void> {
    const { world, used } = state;
    if (!canWake(state, runner, status, terms)) return;
    const then = worlds.at(world, Math.max(world.world.now, due));
    const { statuses, late } = afterClockAdvance(state, then.world.now, terms);
    const woken: Observation = { kind: "woken", world: then.world, answer: "" };
    const step: ScheduleStep = { kind: "timer", runner: idOf(runner) };
    await proceed({ ...state, statuses }, runner, status, woken, { world: then, late, used, step });
  }

  /** A frozen runner continues at the last permitted moment, where another runner waits for longer. */
  function thaw(state: ExplorationState, runner: number, status: ActiveRunner): void {
    const at = thawTime(state, runner, status, terms);
    if (at === undefined) return;
    const { statuses, late } = afterClockAdvance(state, at, terms);
    const steps: readonly ScheduleStep[] = [{ kind: "elapse" }, { kind: "thaw", runner: idOf(runner) }];
    reach({
      ...state,
      world: worlds.at(state.world, at),
      statuses: statuses.with(runner, { ...status, kind: "live", since: at }),
      late,
      path: { before: state.path, steps },
    });
  }

  /** The crash, freeze or thaw of a runner that blocks the clock, or the crash of the last runner. */
  function stopOrThaw(state: ExplorationState, runner: number, status: ActiveRunner): void {
    const isBlocking = blocksClock(state, runner, terms);
    const become = (kind: "kill" | "freeze", as: RunnerStatus, used: FaultSet): void =>
      reach({
        ...state,
        statuses: state.statuses.with(runner, as),
        used,
        path: { before: state.path, steps: [{ kind, runner: idOf(runner) }] },
      });
    if (status.kind === "frozen") {
      if (isBlocking) thaw(state, runner, status);
      return;
    }
    if ((isBlocking || isLast(state, runner)) && isLeft("crash", state))
      become("kill", ended, withFault(state.used, "crash"));
    if (isBlocking && isLeft("freeze", state))
      become("freeze", { ...status, kind: "frozen" }, withFault(state.used, "freeze"));
  }

  async function follow(state: ExplorationState): Promise<void> {
    const { world, statuses, late, used } = state;
    for (const [runner, status] of statuses.entries()) {
      if (status.kind === "ended") continue;
      const { position } = status;
      if (position.kind === "calling") await call(state, runner, status, position);
      else await wake(state, runner, status, position.due);
      stopOrThaw(state, runner, status);
    }
    for (const lateCall of late) land(state, lateCall);
    if (late.length > 0 || statuses.some(({ kind }) => kind !== "ended")) return;
    ends.add(world.id);
    report(state, await checks.atEnd(world.world, faultsOf(used)));
  }

  const start = worlds.cached(terms.world);
  const statuses = tables.map((table) => statusAt(table.start, start, terms));
  reach({ world: start, statuses, late: [], used: 0, path: undefined });
  let followed = 0;
  let complete = -1;
  for (const queue of queues) {
    for (const state of drained(queue)) {
      if (violated !== undefined) break;
      if (++followed % 256 === 0) {
        await macrotask();
        if (processorMs() > terms.until || states > terms.mostStates)
          return { kind: "cut", states, paths, ends: ends.size, complete };
      }
      await follow(state);
    }
    if (violated !== undefined)
      return { kind: "violated", ...violated, states, paths, ends: ends.size, complete };
    complete += 1;
  }
  return { kind: "holds", states, paths, ends: ends.size, complete };
}

/** The elements of a queue that grows meanwhile, first in, first out. What was followed is not kept. */
function* drained<Element>(queue: Element[]): Generator<Element> {
  for (let batch = queue.splice(0); batch.length > 0; batch = queue.splice(0)) yield* batch;
}

function statusAt(position: RunnerPosition, { world }: CachedWorld, limits: TimeLimits): RunnerStatus {
  switch (position.kind) {
    case "finished":
    case "threw":
      return ended;
    case "sleeping":
      // The platform kills it while it sleeps.
      if (position.due > killedAt(position.begunAt, limits)) return ended;
      break;
    case "calling":
      break;
  }
  return { kind: "live", position, since: world.now };
}
