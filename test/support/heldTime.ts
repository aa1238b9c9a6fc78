import { afterEach, beforeEach, vi } from "vitest";
import type { Fault } from "../../local/simulator/types.ts";

/**
 * In every test of the file, time passes only where the test lets it pass. So a call reaches its time limit where a
 * service does not answer, and nowhere else, however busy the machine is. Sockets and `Date` stay real.
 */
export function holdTime(): void {
  // A call without a time limit never ends here. No test of held time needs more than seconds.
  vi.setConfig({ testTimeout: 60_000 });
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());
}

/** Lets `ms` milliseconds of the held time pass, and fires the timers that are due by then. */
export async function passTime(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/**
 * A request that gets no answer: when it has arrived, the caller's time limit passes. The request takes effect when
 * `landed` resolves; by default it never does.
 */
export const noAnswerWithin = (limitMs: number, landed: Promise<void> = new Promise(() => {})): Fault => ({
  kind: "call",
  when: "before",
  async run() {
    await passTime(limitMs);
    await landed;
  },
});
