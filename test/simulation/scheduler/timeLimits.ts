import type { Call } from "../models/call.ts";
import type { Runner } from "./runner.ts";

/** The assumptions about time. The clock never advances beyond them. */
export interface TimeLimits {
  /** A call takes effect within so many milliseconds after it is sent, or never. */
  readonly callTimeoutMs: number;
  /** The platform kills a process so many milliseconds after its invocation began: time-out and grace. */
  readonly lifetimeMs: number;
}

/** The effect of a call whose caller timed out or died. */
export interface LateEffect {
  readonly runner: string;
  readonly number: number;
  readonly call: Call;
  /** When the call was sent, in milliseconds since 1970. */
  readonly since: number;
  apply(): void;
}

/** A time beyond which the clock cannot advance before something happens. */
export interface ClockLimit {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly of: "frozen" | "timer" | "call" | "late";
}

/** When the platform kills a process, in milliseconds since 1970. A process that has not begun has no such time. */
export const killedAt = (begunAt: number | undefined, { lifetimeMs }: TimeLimits): number =>
  begunAt === undefined ? Number.POSITIVE_INFINITY : begunAt + lifetimeMs;

/** Every limit of the clock: a call ends, a late call takes effect, a timer fires, a frozen process continues. */
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
    // The platform kills the process before a later timer fires.
    return due <= end ? [...calls, { of: "timer", at: due }] : calls;
  });
  const lateCalls = late.map(({ since }): ClockLimit => ({ of: "late", at: since + limits.callTimeoutMs }));
  return [...ofRunners, ...lateCalls];
}
