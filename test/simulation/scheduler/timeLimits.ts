import type { Call } from "../models/delivery.ts";
import type { Runner } from "./runner.ts";

/** What is assumed of time; the clock never goes beyond it. */
export interface TimeLimits {
  /** A call takes effect within this time of being sent, in milliseconds, or never. */
  readonly callTimeoutMs: number;
  /** So long after its invocation began the platform has killed a process, in milliseconds: time-out and grace. */
  readonly lifetimeMs: number;
}

/** Of a call whose caller has given up, or is dead. */
export interface LateEffect {
  readonly runner: string;
  readonly number: number;
  readonly call: Call;
  readonly since: number;
  apply(): void;
}

/** What the clock waits for. */
export interface ClockLimit {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly of: "frozen" | "timer" | "call" | "late";
}

/** When the platform kills a process, in milliseconds since 1970; one that has not begun has no such time. */
export const killedAt = (begunAt: number | undefined, { lifetimeMs }: TimeLimits): number =>
  begunAt === undefined ? Number.POSITIVE_INFINITY : begunAt + lifetimeMs;

/** All that the clock waits for: a call ends, a late effect lands, a timer fires, a frozen process continues. */
export function clockLimits(
  runners: readonly Runner[],
  late: readonly LateEffect[],
  limits: TimeLimits,
): readonly ClockLimit[] {
  const ofRunners = runners.flatMap((runner): readonly ClockLimit[] => {
    const end = killedAt(runner.begunAt, limits);
    if (runner.state.kind === "frozen") return [{ of: "frozen", at: end }];
    const calls = [...runner.calls.values()].map(
      ({ since }): ClockLimit => ({ of: "call", at: since + limits.callTimeoutMs }),
    );
    const due = runner.earliestTimer()?.due ?? Number.POSITIVE_INFINITY;
    // It is dead before a later timer would fire.
    return due <= end ? [...calls, { of: "timer", at: due }] : calls;
  });
  const landings = late.map(({ since }): ClockLimit => ({ of: "late", at: since + limits.callTimeoutMs }));
  return [...ofRunners, ...landings];
}
