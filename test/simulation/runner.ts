import { hash } from "node:crypto";
import type { Clock } from "../../src/rotation/services.ts";
import type { Call, Fate } from "./fate.ts";
import type { WorldHolder } from "./perform.ts";
import { createModelServices, type ModelServices } from "./services.ts";

/** All through which a runner may act. One that awaits anything else is found out. */
export interface RunnerServices extends ModelServices {
  readonly clock: Clock;
  /** GUIDs that depend on the runner's id and on how many it took before. */
  newGuid(): string;
}

/** A process under test. What it returns is all that an oracle may look at, the world apart. */
export interface RunnerDefinition {
  readonly id: string;
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
  /** When it was made, or when its runner was thawed after that. */
  since: number;
  proceed(fate: Fate): void;
}

export interface PendingTimer {
  readonly due: number;
  fire(): void;
}

export interface Runner {
  readonly id: string;
  state: RunnerState;
  /** By number, in the order in which they were made. */
  readonly calls: Map<number, PendingCall>;
  readonly timers: Set<PendingTimer>;
  earliestTimer(): PendingTimer | undefined;
  /** A string that two moments of a runner share only if it goes on from them in the same way. */
  hash(): string;
}

/** Starts a process under test; it runs up to its first call at once. */
export function startRunner(holder: WorldHolder, definition: RunnerDefinition): Runner {
  const { id } = definition;
  const calls = new Map<number, PendingCall>();
  const timers = new Set<PendingTimer>();
  let callsMade = 0;
  let guidsTaken = 0;
  /** All that it has seen so far: its code being deterministic, this is where it stands. */
  const history: string[] = [];
  const see = (what: string): void => void history.push(what);

  const clock: Clock = {
    now() {
      see(`now ${holder.world.now}`);
      return holder.world.now;
    },
    sleep(ms) {
      const due = holder.world.now + ms;
      const { promise, resolve } = Promise.withResolvers<void>();
      timers.add({
        due,
        fire() {
          see(`woken, as asked for ${due}`);
          resolve();
        },
      });
      return promise;
    },
  };

  const gate = (call: Call): Promise<Fate> => {
    const { promise, resolve } = Promise.withResolvers<Fate>();
    calls.set(++callsMade, { call, since: holder.world.now, proceed: resolve });
    return promise;
  };

  const runner: Runner = {
    id,
    state: { kind: "live" },
    calls,
    timers,
    earliestTimer: () => [...timers].sort((a, b) => a.due - b.due)[0],
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
          return `${id} ${JSON.stringify({ state, waiting })} ${hash("sha1", history.join("\n"))}`;
        }
      }
    },
  };

  const services: RunnerServices = {
    ...createModelServices(holder, gate, {
      runner: id,
      observe: (call, seen) => see(`${call.operation} ${call.payload}: ${seen}`),
    }),
    clock,
    newGuid: () => guidFrom(`${id} ${++guidsTaken}`),
  };
  definition.run(services).then(
    (value) => {
      runner.state = { kind: "finished", value };
    },
    (error: unknown) => {
      runner.state = { kind: "threw", error };
    },
  );
  return runner;
}

function guidFrom(seed: string): string {
  return hash("sha1", seed).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}
