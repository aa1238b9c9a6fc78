import type { CallProblem } from "./attempt.ts";
import type { Clock } from "./clock.ts";

const mostAttempts = 4;
const firstPauseMs = 1000;

export interface RetryTerms<T> {
  readonly clock: Clock;
  /** When the last attempt may begin, in milliseconds since 1970. */
  readonly lastStart: number;
  /** The problem of an outcome after which the same call may be made again; undefined: it is final. */
  problemOf(outcome: T): CallProblem | undefined;
}

/**
 * Makes a call up to four times, as long as its problem is transient and there is time, with pauses that double
 * from one second or are as long as the service asks. For calls that had no effect: the outcome is the last one's.
 */
export async function retryTransient<T>(call: () => Promise<T>, terms: RetryTerms<T>): Promise<T> {
  const { clock, lastStart, problemOf } = terms;
  for (let attempt = 1, pauseMs = firstPauseMs; ; attempt += 1, pauseMs *= 2) {
    const outcome = await call();
    const problem = problemOf(outcome);
    if (problem?.transient !== true || attempt === mostAttempts) return outcome;
    const pause = Math.max(pauseMs, problem.retryAfterMs ?? 0);
    if (clock.now() + pause > lastStart) return outcome;
    await clock.sleep(pause);
  }
}

/** A read has no effect, so each of its failures may be read again. */
export function problemOfRead<T extends { readonly kind: string; readonly problem?: CallProblem }>(
  outcome: T,
): CallProblem | undefined {
  return outcome.problem;
}
