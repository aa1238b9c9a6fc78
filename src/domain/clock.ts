import type { CallProblem } from "./attempt.ts";

/** The engine's only source of time; tests pass a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** In milliseconds. Storage's clock has whole seconds, so times that are compared with it need the same resolution. */
export const clockResolutionMs = 1000;

/** The pauses between the tries of a call, in milliseconds: 1, 2, 4 … at most 30 seconds. */
export const firstPauseMs = 1000;
export const nextPause = (pauseMs: number): number => Math.min(2 * pauseMs, 30_000);

/** The most tries of a call whose problem is transient. */
export const mostAttempts = 4;

/**
 * Makes a call up to four times, while its problem is transient and time is left. A pause is longer if the service
 * demands it. For calls that may be repeated: it returns the last outcome.
 *
 * @param terms `lastStart`: no attempt begins later, in milliseconds since 1970
 */
export async function retryTransient<T extends { readonly kind: string; readonly problem?: CallProblem }>(
  call: () => Promise<T>,
  terms: { readonly clock: Clock; readonly lastStart: number },
): Promise<T> {
  const { clock, lastStart } = terms;
  for (let attempt = 1, pauseMs = firstPauseMs; ; attempt += 1, pauseMs = nextPause(pauseMs)) {
    const outcome = await call();
    const { problem } = outcome;
    if (problem?.transient !== true || attempt === mostAttempts) return outcome;
    const pause = Math.max(pauseMs, problem.retryAfterMs ?? 0);
    if (clock.now() + pause > lastStart) return outcome;
    await clock.sleep(pause);
  }
}
