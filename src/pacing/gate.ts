import type { Clock } from "../rotation/services.ts";

/** What an answer says of the limit that its call counted against. */
export interface LimitAnswer {
  /** Calls that were left when it was answered, where the service says so. */
  readonly remaining?: number | undefined;
  readonly throttled: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** What is known of a service's limit on calls. Pure but for its counts: all times are handed in, in milliseconds. */
export interface CallLimit {
  /**
   * How long until one more call may be let through, or until it is worth asking again; 0: now.
   *
   * @param promised calls that were let through and have not been made yet
   */
  waitMs(now: number, promised: number): number;
  letThrough(now: number): void;
  /** A call leaves, let through or not. @returns its number, by which its answer is known */
  sent(now: number): number;
  answered(call: number, now: number, answer: LimitAnswer): void;
}

/** Where calls that count against one limit wait until they may be made, first come, first served. */
export interface Gate {
  /** Lets somebody through who need not wait. Whoever was let through and has made no call yet still may. */
  tryPass(who: string): boolean;
  /**
   * Waits for the limit.
   *
   * @param lastStart when it has to be let through at the latest, in milliseconds since 1970
   * @returns whether it was; false as soon as it is known that it would be later
   */
  pass(who: string, lastStart: number): Promise<boolean>;
  /** Whoever was let through makes no call any more. */
  leave(who: string): void;
  /** Makes a call, and learns from its answer. */
  call<T>(who: string, send: () => Promise<T>, answerOf: (outcome: T) => LimitAnswer): Promise<T>;
}

export function createGate(limit: CallLimit, clock: Clock): Gate {
  /** At most as many as are rotated at the same time. */
  const promised = new Set<string>();
  let queue: Promise<unknown> = Promise.resolve();
  let queued = 0;

  function promise(who: string, now: number): void {
    limit.letThrough(now);
    promised.add(who);
  }

  async function waitInLine(who: string, lastStart: number): Promise<boolean> {
    for (;;) {
      const now = clock.now();
      const waitMs = limit.waitMs(now, promised.size);
      if (now + waitMs > lastStart) return false;
      if (waitMs <= 0) {
        promise(who, now);
        return true;
      }
      await clock.sleep(Math.ceil(waitMs));
    }
  }

  return {
    tryPass(who) {
      if (promised.has(who)) return true;
      const now = clock.now();
      if (queued > 0 || limit.waitMs(now, promised.size) > 0) return false;
      promise(who, now);
      return true;
    },
    async pass(who, lastStart) {
      queued += 1;
      const turn = queue.then(() => waitInLine(who, lastStart));
      queue = turn;
      const passed = await turn;
      queued -= 1;
      return passed;
    },
    leave: (who) => void promised.delete(who),
    async call(who, send, answerOf) {
      promised.delete(who);
      const call = limit.sent(clock.now());
      const outcome = await send();
      limit.answered(call, clock.now(), answerOf(outcome));
      return outcome;
    },
  };
}
