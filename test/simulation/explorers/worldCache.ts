import { hash } from "node:crypto";
import type { Call } from "../models/call.ts";
import type { Effect } from "../models/performCall.ts";
import { hashWorld, type World } from "../models/world.ts";

/** A world of the cache. Equal worlds are one object. */
export interface CachedWorld {
  readonly id: number;
  readonly world: World;
}

/** What a call does to a world. */
export interface CachedCall {
  /** Equal answers have equal strings. */
  readonly answer: string;
  readonly after: CachedWorld;
}

export interface WorldCache {
  cached(world: World): CachedWorld;
  /** The same world at another time of the services' clock, in milliseconds since 1970. */
  at(world: CachedWorld, now: number): CachedWorld;
  act(world: CachedWorld, call: Call, effect: Effect): CachedCall;
}

/** The worlds of one exploration. The cache computes what a call does to a world once. */
export function createWorldCache(): WorldCache {
  const worlds = new Map<string, CachedWorld>();
  const texts = new Map<string, number>();
  const answers = new Map<string, CachedCall>();
  const calls = new WeakMap<Call, number>();
  const moved = new Map<string, CachedWorld>();

  function numberOf(text: string): number {
    const number = texts.get(text) ?? texts.size;
    texts.set(text, number);
    return number;
  }

  /** Two calls with the same operation and payload are the same call. */
  function callNumber(call: Call): number {
    const number = calls.get(call) ?? numberOf(`${call.operation} ${call.payload}`);
    calls.set(call, number);
    return number;
  }

  function cached(world: World): CachedWorld {
    const key = hash("sha1", hashWorld(world), "base64");
    const found = worlds.get(key) ?? { id: worlds.size, world };
    worlds.set(key, found);
    return found;
  }

  return {
    cached,
    at(from, now) {
      if (from.world.now === now) return from;
      const key = `${from.id} ${now}`;
      const found = moved.get(key) ?? cached({ ...from.world, now });
      moved.set(key, found);
      return found;
    },
    act(on, call, effect) {
      const key = `${on.id} ${callNumber(call)}`;
      const found = answers.get(key);
      if (found !== undefined) return found;
      const { world, answer } = effect(on.world);
      const after = world === on.world ? on : cached(world);
      const done = { answer: String(numberOf(JSON.stringify(answer))), after };
      answers.set(key, done);
      return done;
    },
  };
}
