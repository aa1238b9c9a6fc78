import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Call } from "../models/call.ts";
import type { Delivery } from "../models/delivery.ts";
import type { Effect, WorldHolder } from "../models/performCall.ts";
import type { World } from "../models/world.ts";
import { type Runner, type RunnerDefinition, startRunner } from "../scheduler/runner.ts";

/** The position of a runner in its code, after all that it has seen so far. */
export type RunnerPosition = {
  readonly id: number;
  /** When its invocation began, in milliseconds since 1970; undefined: it has not begun. */
  readonly begunAt: number | undefined;
  /** The events that it emitted since the previous position, and all earlier ones. */
  readonly events: { readonly fresh: readonly RotationEvent[]; readonly earlier: readonly RotationEvent[] };
} & (
  | {
      readonly kind: "calling";
      readonly call: Call;
      readonly effect: Effect;
      /** Each runner numbers its calls from 1. */
      readonly number: number;
    }
  /** `due`: milliseconds since 1970. */
  | { readonly kind: "sleeping"; readonly due: number }
  | { readonly kind: "finished" }
  | { readonly kind: "threw"; readonly error: unknown }
);

/** What a runner sees next. */
export interface Observation {
  readonly kind: "answered" | "lost" | "timedOut" | "woken";
  /** The world at its call's effect. Its clock shows this world's time. */
  readonly world: World;
  /** Equal answers have equal strings; empty if there is no answer. */
  readonly answer: string;
}

/** A runner's code as a table: position and observation lead to the next position. */
export interface RunnerTable {
  readonly start: RunnerPosition;
  /** @throws if the runner waits for several things at once, or for something that the scheduler does not own */
  next(position: RunnerPosition, observation: Observation): RunnerPosition | Promise<RunnerPosition>;
}

interface TableRow {
  readonly position: RunnerPosition;
  /** The row and the observation that led here first; undefined: the start. */
  readonly from: { readonly row: TableRow; readonly observation: Observation } | undefined;
  readonly next: Map<string, RunnerPosition>;
  /** Running code that waits at this position, until an observation moves it on. */
  process: RunningProcess | undefined;
}

interface RunningProcess {
  readonly holder: WorldHolder;
  readonly runner: Runner;
}

/** How many processes the table keeps. Where it keeps none, it runs the code from its start again. */
const mostProcesses = 4000;

const noLateEffect = (): void => {};

const deliveries = {
  answered: { kind: "normal" },
  lost: { kind: "lostBefore" },
  timedOut: { kind: "late", release: noLateEffect },
} as const satisfies Record<Exclude<Observation["kind"], "woken">, Delivery>;

/**
 * Fills the table on demand. A runner acts through its services, its clock and its GUIDs only, so its next action
 * depends only on what it has seen. To fill a missing entry, the real code runs from its start through all
 * observations that lead there.
 */
export async function createRunnerTable(definition: RunnerDefinition, world: World): Promise<RunnerTable> {
  const rows: TableRow[] = [];
  const positions = new Map<string, RunnerPosition>();
  const oldestFirst: TableRow[] = [];

  /** The position at which a process waits now. A new position gets a row, which keeps the process. */
  function positionOf(process: RunningProcess, from: TableRow["from"]): RunnerPosition {
    const waits = waitOf(process.runner);
    const key = `${process.runner.seen()} ${waits.kind === "sleeping" ? waits.due : ""}`;
    const known = positions.get(key);
    if (known !== undefined) return known;
    const { begunAt, events: emitted } = process.runner;
    const earlier = from === undefined ? [] : allEventsOf(from.row.position);
    const events = { fresh: emitted.slice(earlier.length), earlier };
    const position: RunnerPosition = { id: rows.length, begunAt, events, ...waits };
    const row: TableRow = { position, from, next: new Map(), process };
    rows.push(row);
    positions.set(key, row.position);
    oldestFirst.push(row);
    if (oldestFirst.length > mostProcesses) {
      for (const old of oldestFirst.splice(0, mostProcesses / 2)) old.process = undefined;
    }
    return row.position;
  }

  function rowOf({ id }: RunnerPosition): TableRow {
    const row = rows[id];
    if (row === undefined) throw new RangeError(`${definition.id} has no position ${id}`);
    return row;
  }

  async function start(): Promise<RunningProcess> {
    const holder: WorldHolder = { world };
    const process: RunningProcess = { holder, runner: startRunner(holder, definition) };
    await allWaiting();
    return process;
  }

  async function show({ holder, runner }: RunningProcess, observation: Observation): Promise<void> {
    holder.world = observation.world;
    if (observation.kind === "woken") {
      const timer = runner.earliestTimer();
      if (timer !== undefined) runner.timers.delete(timer);
      timer?.fire();
    } else {
      for (const [number, pending] of runner.calls) {
        runner.calls.delete(number);
        pending.proceed(deliveries[observation.kind]);
      }
    }
    await allWaiting();
  }

  /** A process at this row: the row's own, or a new one that runs to it. */
  async function processAt(row: TableRow): Promise<RunningProcess> {
    const { process } = row;
    row.process = undefined;
    if (process !== undefined) return process;
    const observations: Observation[] = [];
    for (let { from } = row; from !== undefined; { from } = from.row) observations.push(from.observation);
    const again = await start();
    for (const observation of observations.toReversed()) await show(again, observation);
    return again;
  }

  return {
    start: positionOf(await start(), undefined),
    next(position, observation) {
      const row = rowOf(position);
      const key = `${observation.kind} ${observation.answer} ${observation.world.now}`;
      const known = row.next.get(key);
      if (known !== undefined) return known;
      return processAt(row).then(async (process) => {
        await show(process, observation);
        const found = positionOf(process, { row, observation });
        row.next.set(key, found);
        return found;
      });
    },
  };
}

/** `nextTick` runs when no promise has anything left to do. */
const allWaiting = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const allEventsOf = ({ events: { earlier, fresh } }: RunnerPosition): readonly RotationEvent[] => [
  ...earlier,
  ...fresh,
];

type Waits = RunnerPosition extends infer Each
  ? Each extends RunnerPosition
    ? Omit<Each, "id" | "begunAt" | "events">
    : never
  : never;

function waitOf({ id, state, calls, timers }: Runner): Waits {
  if (state.kind === "finished") return { kind: "finished" };
  if (state.kind === "threw") return state;
  if (calls.size + timers.size !== 1)
    throw new Error(`${id} waits for ${calls.size} calls and ${timers.size} timers, not for one thing`);
  for (const [number, { call, effect }] of calls) return { kind: "calling", call, effect, number };
  for (const { due } of timers) return { kind: "sleeping", due };
  throw new Error(`${id} waits for nothing`);
}
