import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Call, Fate } from "../models/delivery.ts";
import type { Effect, WorldHolder } from "../models/performCall.ts";
import type { World } from "../models/world.ts";
import { type Runner, type RunnerDefinition, startRunner } from "../scheduler/runner.ts";

/** Where a runner stands after what it has seen so far. */
export type Place = {
  readonly id: number;
  /** When its invocation began, in milliseconds since 1970; undefined: not yet. */
  readonly begunAt: number | undefined;
  /** What it emitted since the place before, and all before that. */
  readonly events: { readonly fresh: readonly RotationEvent[]; readonly earlier: readonly RotationEvent[] };
} & (
  | {
      readonly kind: "calling";
      readonly call: Call;
      readonly effect: Effect;
      /** Calls are numbered from 1, for each runner. */
      readonly number: number;
    }
  /** `due`: milliseconds since 1970. */
  | { readonly kind: "sleeping"; readonly due: number }
  | { readonly kind: "finished" }
  | { readonly kind: "threw"; readonly error: unknown }
);

/** What a runner sees next. */
export interface Sight {
  readonly kind: "answered" | "lost" | "timedOut" | "woken";
  /** Where its call meets the services, and what its clock reads go by. */
  readonly world: World;
  /** The same for the same answer; empty where there is none. */
  readonly answer: string;
}

/** A runner's code, as the table of what it does next after all that it can have seen. */
export interface Table {
  readonly start: Place;
  /** @throws where the runner waits for several things at once, or for what the scheduler does not own */
  next(place: Place, sight: Sight): Place | Promise<Place>;
}

interface Row {
  readonly place: Place;
  /** How it was come to first; undefined: the start. */
  readonly from: { readonly row: Row; readonly sight: Sight } | undefined;
  readonly next: Map<string, Place>;
  /** The code itself, standing here, until somebody makes it go on. */
  process: Process | undefined;
}

interface Process {
  readonly holder: WorldHolder;
  readonly runner: Runner;
}

/** How many are kept; where there is none any more the code is run again from its start. */
const mostProcesses = 4000;

const noLateEffect = (): void => {};

const fates = {
  answered: { kind: "normal" },
  lost: { kind: "lostBefore" },
  timedOut: { kind: "late", release: noLateEffect },
} as const satisfies Record<Exclude<Sight["kind"], "woken">, Fate>;

/**
 * Works the table out as it is asked for. A runner's code acts on nothing but its services, its clock and its GUIDs,
 * so what it does next depends on what it has seen alone; an entry that is missing is found by running the code
 * itself from its start through all that led there.
 */
export async function createTable(definition: RunnerDefinition, world: World): Promise<Table> {
  const rows: Row[] = [];
  const placeOf = new Map<string, Place>();
  const oldestFirst: Row[] = [];

  function placed(process: Process, from: Row["from"]): Place {
    const waits = waitOf(process.runner);
    const key = `${process.runner.seen()} ${waits.kind === "sleeping" ? waits.due : ""}`;
    const known = placeOf.get(key);
    if (known !== undefined) return known;
    const { begunAt, events: emitted } = process.runner;
    const earlier = from === undefined ? [] : allOf(from.row.place);
    const events = { fresh: emitted.slice(earlier.length), earlier };
    const place: Place = { id: rows.length, begunAt, events, ...waits };
    const row: Row = { place, from, next: new Map(), process };
    rows.push(row);
    placeOf.set(key, row.place);
    oldestFirst.push(row);
    if (oldestFirst.length > mostProcesses) {
      for (const old of oldestFirst.splice(0, mostProcesses / 2)) old.process = undefined;
    }
    return row.place;
  }

  function rowOf({ id }: Place): Row {
    const row = rows[id];
    if (row === undefined) throw new RangeError(`${definition.id} has no place ${id}`);
    return row;
  }

  async function start(): Promise<Process> {
    const holder: WorldHolder = { world };
    const process: Process = { holder, runner: startRunner(holder, definition) };
    await settled();
    return process;
  }

  async function show({ holder, runner }: Process, sight: Sight): Promise<void> {
    holder.world = sight.world;
    if (sight.kind === "woken") {
      const timer = runner.earliestTimer();
      if (timer !== undefined) runner.timers.delete(timer);
      timer?.fire();
    } else {
      for (const [number, pending] of runner.calls) {
        runner.calls.delete(number);
        pending.proceed(fates[sight.kind]);
      }
    }
    await settled();
  }

  /** Of a row whose own process has gone on already, another one comes to stand there. */
  async function processAt(row: Row): Promise<Process> {
    const { process } = row;
    row.process = undefined;
    if (process !== undefined) return process;
    const sights: Sight[] = [];
    for (let { from } = row; from !== undefined; { from } = from.row) sights.push(from.sight);
    const again = await start();
    for (const sight of sights.toReversed()) await show(again, sight);
    return again;
  }

  return {
    start: placed(await start(), undefined),
    next(place, sight) {
      const row = rowOf(place);
      const key = `${sight.kind} ${sight.answer} ${sight.world.now}`;
      const known = row.next.get(key);
      if (known !== undefined) return known;
      return processAt(row).then(async (process) => {
        await show(process, sight);
        const found = placed(process, { row, sight });
        row.next.set(key, found);
        return found;
      });
    },
  };
}

/** A tick comes when no more promises have anything to do. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const allOf = ({ events: { earlier, fresh } }: Place): readonly RotationEvent[] => [...earlier, ...fresh];

type Waits = Place extends infer Each
  ? Each extends Place
    ? Omit<Each, "id" | "begunAt" | "events">
    : never
  : never;

function waitOf({ id, state, calls, timers }: Runner): Waits {
  if (state.kind === "finished") return { kind: "finished" };
  if (state.kind === "threw") return state;
  if (calls.size + timers.size !== 1)
    throw new Error(`${id} waits for ${calls.size} calls and ${timers.size} timers, and not for one thing`);
  for (const [number, { call, effect }] of calls) return { kind: "calling", call, effect, number };
  for (const { due } of timers) return { kind: "sleeping", due };
  throw new Error(`${id} waits for nothing`);
}
