import type { Call } from "./fate.ts";
import type { Runner } from "./runner.ts";

/** What is assumed of time; the clock never goes on beyond it. */
export interface TimeLimits {
  /** A call takes effect within this time of being sent, in milliseconds, or never. */
  readonly callTimeoutMs: number;
  /** The longest that a runner stays frozen, in milliseconds. */
  readonly longestStallMs: number;
}

/** Of a call whose caller has given up. */
export interface LateEffect {
  readonly runner: string;
  readonly number: number;
  readonly call: Call;
  readonly since: number;
  apply(): void;
}

/**
 * How far the clock can go, in milliseconds since 1970, before a call has ended, a late effect has landed, a
 * timer has fired or a frozen runner goes on.
 */
export function latestTimeOf(
  now: number,
  runners: readonly Runner[],
  late: readonly LateEffect[],
  { callTimeoutMs, longestStallMs }: TimeLimits,
): number {
  const limits = runners.flatMap((runner) => {
    if (runner.state.kind === "frozen") return [runner.state.since + longestStallMs];
    const timer = runner.earliestTimer();
    const calls = [...runner.calls.values()].map(({ since }) => since + callTimeoutMs);
    return timer === undefined ? calls : [timer.due, ...calls];
  });
  const landings = late.map(({ since }) => since + callTimeoutMs);
  return Math.max(now, Math.min(...limits, ...landings));
}
