import { setImmediate as everythingElse } from "node:timers/promises";
import type { Clock } from "../../src/domain/clock.ts";

/** A clock that moves to the next due time as soon as no work is left at the present one. */
export interface VirtualClock extends Clock {
  /** What is due in the same millisecond is done in the order in which it was asked for. */
  at(due: number, action: () => void): void;
  /**
   * Lets time go on until `work` is done.
   *
   * @throws if nothing is due any more and it is not done
   */
  run<T>(work: Promise<T>): Promise<T>;
}

/** @param start milliseconds since 1970 */
export function createVirtualClock(start = Date.parse("2026-11-23T03:00:00Z")): VirtualClock {
  let now = start;
  /** In the order in which they are due; new ones mostly belong at the end. */
  const dues: { readonly at: number; readonly action: () => void }[] = [];

  function at(due: number, action: () => void): void {
    const entry = { at: Math.max(Math.ceil(due), now), action };
    dues.splice(dues.findLastIndex((other) => other.at <= entry.at) + 1, 0, entry);
  }

  return {
    now: () => now,
    at,
    sleep: (ms) => new Promise((resolve) => at(now + ms, resolve)),
    async run(work) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      for (;;) {
        await everythingElse();
        if (done) return work;
        const next = dues.shift();
        if (next === undefined) throw new Error("Nothing is due any more, and the work is not done.");
        now = next.at;
        next.action();
      }
    },
  };
}
