import { hash } from "node:crypto";
import type { Call } from "../models/delivery.ts";
import type { Effect } from "../models/performCall.ts";
import { hashWorld, type World } from "../models/world.ts";

/** A world that was met: equal worlds are one object. */
export interface KnownWorld {
  readonly id: number;
  readonly world: World;
}

/** What a call does to a world. */
export interface KnownAnswer {
  /** The same for the same answer. */
  readonly answer: string;
  readonly after: KnownWorld;
}

export interface Worlds {
  known(world: World): KnownWorld;
  at(world: KnownWorld, now: number): KnownWorld;
  act(world: KnownWorld, call: Call, effect: Effect): KnownAnswer;
}

/** The worlds of one exploration; what a call does to each is worked out once. */
export function createWorlds(): Worlds {
  const worlds = new Map<string, KnownWorld>();
  const texts = new Map<string, number>();
  const answers = new Map<string, KnownAnswer>();
  const calls = new WeakMap<Call, number>();
  const moved = new Map<string, KnownWorld>();

  function numberOf(text: string): number {
    const number = texts.get(text) ?? texts.size;
    texts.set(text, number);
    return number;
  }

  /** Two calls of one operation with one payload are the same call. */
  function callNumber(call: Call): number {
    const number = calls.get(call) ?? numberOf(`${call.operation} ${call.payload}`);
    calls.set(call, number);
    return number;
  }

  function known(world: World): KnownWorld {
    const key = hash("sha1", hashWorld(world), "base64");
    const found = worlds.get(key) ?? { id: worlds.size, world };
    worlds.set(key, found);
    return found;
  }

  return {
    known,
    at(from, now) {
      if (from.world.now === now) return from;
      const key = `${from.id} ${now}`;
      const found = moved.get(key) ?? known({ ...from.world, now });
      moved.set(key, found);
      return found;
    },
    act(on, call, effect) {
      const key = `${on.id} ${callNumber(call)}`;
      const found = answers.get(key);
      if (found !== undefined) return found;
      const { world, answer } = effect(on.world);
      const after = world === on.world ? on : known(world);
      const done = { answer: String(numberOf(JSON.stringify(answer))), after };
      answers.set(key, done);
      return done;
    },
  };
}
