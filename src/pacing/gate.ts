import type { CallProblem } from "../domain/attempt.ts";
import type { Clock } from "../domain/clock.ts";

/** Counts the calls against one limit. It has no clock: every time is a parameter, in milliseconds. */
export interface CallLimit {
  /**
   * @param promised calls that were let through and are not sent yet
   * @returns how long until the limit has room for one more call, in milliseconds; 0: it has room now
   */
  waitMs(now: number, promised: number): number;
  sent(now: number): void;
  /**
   * @param call its number: a later call has a higher one
   * @param remaining calls that were left; undefined: the answer does not show it
   */
  answered(call: number, now: number, remaining: number | undefined): void;
  /** The service answered a call with 429, and accepts calls again at `closedUntil`. */
  refused(now: number, closedUntil: number): void;
}

/** The line before one limit: first come, first served. */
export interface Gate {
  /** Lets the caller through if it need not wait. A caller that was let through and has sent nothing yet passes again. */
  tryPass(who: string): boolean;
  /**
   * Waits in line until the limit has room.
   *
   * @param lastStart the latest time at which the caller may pass, in milliseconds since 1970
   * @returns false as soon as the wait would end later than that
   */
  pass(who: string, lastStart: number): Promise<boolean>;
  /**
   * Lets the caller through ahead of all that wait in line: it holds a key that must be stored. If it must
   * wait, it calls this again after the wait. It keeps its place among the callers that were let through.
   *
   * @returns how long until the limit has room for the call, in milliseconds
   */
  reserve(who: string): number;
  /** The caller will not send the call that it was let through for. */
  leave(who: string): void;
  /**
   * Sends a call, and counts it and its answer. It does not wait.
   *
   * @param remainingOf returns how many calls were left when the service answered. Default: no answer shows it.
   */
  call<T extends { readonly kind: string; readonly problem?: CallProblem }>(
    who: string,
    send: () => Promise<T>,
    remainingOf?: (outcome: T) => number | undefined,
  ): Promise<T>;
}

/** How long a 429 without `Retry-After` closes the gate, in milliseconds. */
const defaultRetryAfterMs = 1000;

/**
 * Makes the gate before a limit. A 429 closes it for all callers.
 *
 * @param limit counts the calls of this gate alone
 */
export function createGate(limit: CallLimit, clock: Clock): Gate {
  /** The callers that were let through and have sent nothing yet. */
  const promised = new Set<string>();
  let line: Promise<unknown> = Promise.resolve();
  let lineLength = 0;
  let closedUntil = 0;
  let calls = 0;

  const waitMs = (now: number, before = promised.size): number =>
    Math.max(closedUntil - now, limit.waitMs(now, before));

  async function waitInLine(who: string, lastStart: number): Promise<boolean> {
    for (;;) {
      const now = clock.now();
      const ms = Math.ceil(waitMs(now));
      if (now + ms > lastStart) return false;
      if (ms <= 0) {
        promised.add(who);
        return true;
      }
      await clock.sleep(ms);
    }
  }

  return {
    tryPass(who) {
      if (promised.has(who)) return true;
      if (lineLength > 0 || waitMs(clock.now()) > 0) return false;
      promised.add(who);
      return true;
    },
    async pass(who, lastStart) {
      lineLength += 1;
      const turn = line.then(() => waitInLine(who, lastStart));
      line = turn;
      const passed = await turn;
      lineLength -= 1;
      return passed;
    },
    reserve(who) {
      promised.add(who);
      return Math.max(0, Math.ceil(waitMs(clock.now(), [...promised].indexOf(who))));
    },
    leave: (who) => void promised.delete(who),
    async call(who, send, remainingOf) {
      promised.delete(who);
      calls += 1;
      const call = calls;
      limit.sent(clock.now());
      const outcome = await send();
      const now = clock.now();
      if (outcome.problem?.code === "throttled") {
        closedUntil = Math.max(closedUntil, now + (outcome.problem.retryAfterMs ?? defaultRetryAfterMs));
        limit.refused(now, closedUntil);
      } else {
        limit.answered(call, now, remainingOf?.(outcome));
      }
      return outcome;
    },
  };
}
