import { hash } from "node:crypto";
import type { Clock } from "../../../src/domain/clock.ts";
import type { EventSink, RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Call } from "../models/call.ts";
import type { Delivery } from "../models/delivery.ts";
import { createModelServices, type ModelServices } from "../models/modelServices.ts";
import type { Effect, WorldHolder } from "../models/performCall.ts";

/** Everything through which a runner may act. The scheduler rejects a runner that awaits anything else. */
export interface RunnerServices extends ModelServices {
  readonly clock: Clock;
  readonly events: EventSink;
  /** The next GUID. It depends on the runner's id and on how many GUIDs the runner took before. */
  newGuid(): string;
  /** Always 0.5: when a pause ends is the schedule's choice. */
  random(): number;
}

/** A process under test. An oracle may use the world and what `run` returns, and nothing else. */
export interface RunnerDefinition {
  readonly id: string;
  /** Its own clock less the services' clock, in milliseconds, at the start. Default: 0. */
  readonly clockOffsetMs?: number;
  /** When its invocation begins, in milliseconds after the simulation begins. Default: 0. */
  readonly startsAfterMs?: number;
  run(services: RunnerServices): Promise<unknown>;
}

export type RunnerState =
  | { readonly kind: "live" | "dead" }
  /** `since`: milliseconds since 1970. */
  | { readonly kind: "frozen"; readonly since: number }
  | { readonly kind: "finished"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown };

export interface PendingCall {
  readonly call: Call;
  /** What the call would do to the world. */
  readonly effect: Effect;
  /** When it was sent, in milliseconds since 1970. A frozen runner sends its calls when it thaws. */
  since: number;
  proceed(delivery: Delivery): void;
}

export interface PendingTimer {
  readonly due: number;
  fire(): void;
}

export interface Runner {
  readonly id: string;
  state: RunnerState;
  /** Its own clock less the services' clock, in milliseconds. */
  clockOffsetMs: number;
  /** When its invocation began, in milliseconds since 1970; undefined: not yet. */
  readonly begunAt: number | undefined;
  /** All events that it emitted, oldest first. */
  readonly events: readonly RotationEvent[];
  /** Pending calls by number, in the order in which the runner made them. */
  readonly calls: Map<number, PendingCall>;
  readonly timers: Set<PendingTimer>;
  earliestTimer(): PendingTimer | undefined;
  /** A digest of all that the runner has seen. Its code is deterministic, so this names its position in the code. */
  seen(): string;
  /** A string that two states of a runner share only if the runner continues from both in the same way. */
  hash(): string;
}

/** Starts a process under test. A process that begins at once runs until its first call. */
export function startRunner(holder: WorldHolder, definition: RunnerDefinition): Runner {
  const { id, startsAfterMs = 0 } = definition;
  const calls = new Map<number, PendingCall>();
  const timers = new Set<PendingTimer>();
  const events: RotationEvent[] = [];
  let begunAt: number | undefined;
  let callsMade = 0;
  let guidsTaken = 0;
  /** A digest of all that it saw until its last answer, and what it saw since. */
  let digest = "";
  let since = "";
  const see = (what: string): void => {
    since += `${what}\n`;
  };
  const seeAnswer = (what: string): void => {
    digest = hash("sha1", `${digest}${since}${what}`);
    since = "";
  };

  const clock: Clock = {
    now() {
      const now = holder.world.now + runner.clockOffsetMs;
      see(`now ${now}`);
      return now;
    },
    sleep(ms) {
      const due = holder.world.now + ms;
      const { promise, resolve } = Promise.withResolvers<void>();
      timers.add({
        due,
        fire() {
          seeAnswer(`woken, as asked for ${due}`);
          resolve();
        },
      });
      return promise;
    },
  };

  const decide = (call: Call, effect: Effect): Promise<Delivery> => {
    const { promise, resolve } = Promise.withResolvers<Delivery>();
    calls.set(++callsMade, { call, effect, since: holder.world.now, proceed: resolve });
    return promise;
  };

  const runner: Runner = {
    id,
    state: { kind: "live" },
    clockOffsetMs: definition.clockOffsetMs ?? 0,
    get begunAt() {
      return begunAt;
    },
    events,
    calls,
    timers,
    earliestTimer: () => [...timers].sort((a, b) => a.due - b.due)[0],
    seen: () => `${digest}${since}`,
    hash() {
      const { state } = runner;
      switch (state.kind) {
        case "dead":
          return `${id} dead`;
        case "finished":
          return `${id} finished ${JSON.stringify(state.value)}`;
        case "threw":
          return `${id} threw ${String(state.error)}`;
        case "live":
        case "frozen": {
          const waiting = {
            calls: [...calls].map(([number, { since }]) => [number, since]),
            timers: [...timers].map(({ due }) => due),
          };
          const clock = runner.clockOffsetMs;
          return `${id} ${JSON.stringify({ state, waiting, clock, begunAt })} ${runner.seen()}`;
        }
      }
    },
  };

  const services: RunnerServices = {
    ...createModelServices(holder, decide, {
      runner: id,
      observe: (call, seen) => seeAnswer(`${call.operation} ${call.payload}: ${JSON.stringify(seen)}`),
    }),
    clock,
    events: { emit: (event) => void events.push(event) },
    newGuid: () => guidOf(id, ++guidsTaken),
    random: () => 0.5,
  };
  const begin = (): void => {
    begunAt = holder.world.now;
    definition.run(services).then(
      (value) => {
        runner.state = { kind: "finished", value };
      },
      (error: unknown) => {
        runner.state = { kind: "threw", error };
      },
    );
  };
  if (startsAfterMs === 0) begin();
  else {
    timers.add({
      due: holder.world.now + startsAfterMs,
      fire() {
        seeAnswer(`begun at ${holder.world.now}`);
        begin();
      },
    });
  }
  return runner;
}

/** A runner's GUID with that number. It is the same each time, and its first part identifies the runner. */
export function guidOf(runner: string, number: number): string {
  const rest = hash("sha1", `${runner} ${number}`).replace(/^(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4");
  return `${runnerPart(runner)}-${rest}`;
}

const runnerPart = (runner: string): string => hash("sha1", runner).slice(0, 8);

/** Whether this runner took the GUID. */
export const isGuidOf = (runner: string, guid: string): boolean => guid.startsWith(runnerPart(runner));
