import type { ScheduleStep } from "./scheduleStep.ts";

/**
 * The next step of the default schedule, from which explorations depart. A runner proceeds as long as it can, then the
 * next one does. A late call takes effect, and a frozen runner continues at the last permitted moment, only when no
 * other step is possible.
 */
export function defaultStep(
  possible: readonly ScheduleStep[],
  current: string | undefined,
): ScheduleStep | undefined {
  const own = possible.find((step) => step.kind === "call" && step.runner === current);
  return own ?? [...possible].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0];
}

const order = ["call", "timer", "land", "elapse", "thaw"];

/** The runner that proceeded last. */
export function currentRunner(schedule: readonly ScheduleStep[]): string | undefined {
  const last = schedule.findLast((step) => step.kind === "call" || step.kind === "timer");
  return last?.kind === "call" || last?.kind === "timer" ? last.runner : undefined;
}
