import type { CallProblem } from "./attempt.ts";

/** The engine's time; tests have a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** In milliseconds. Storage's clock has whole seconds, so times that are compared with it need the same resolution. */
export const clockResolutionMs = 1000;

const mostAttempts = 4;
const firstPauseMs = 1000;

export interface RetryTerms<T> {
  readonly clock: Clock;
  /** No attempt begins later, in milliseconds since 1970. */
  readonly lastStart: number;
  /** The problem of an outcome after which the call may be repeated; undefined: the outcome is final. */
  problemOf(outcome: T): CallProblem | undefined;
}

/**
 * Makes a call up to four times, while its problem is transient and time is left. The pauses double from one second, or
 * are as long as the service demands. For calls without an effect: it returns the last outcome.
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

/** For reads: they have no effect, so every failed one may be repeated. */
export function problemOfRead<T extends { readonly kind: string; readonly problem?: CallProblem }>(
  outcome: T,
): CallProblem | undefined {
  return outcome.problem;
}
