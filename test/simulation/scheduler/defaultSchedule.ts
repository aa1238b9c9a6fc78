import type { Choice } from "./scheduleStep.ts";

/**
 * The ordinary schedule, from which others depart: a runner goes on as long as it can, then the next; a late call
 * lands, and a frozen runner continues at the last moment that it may, when nothing else can happen.
 */
export function ordinaryChoice(possible: readonly Choice[], current: string | undefined): Choice | undefined {
  const own = possible.find((choice) => choice.kind === "call" && choice.runner === current);
  return own ?? [...possible].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0];
}

const order = ["call", "timer", "land", "elapse", "thaw"];

/** The runner that went on last. */
export function currentRunner(schedule: readonly Choice[]): string | undefined {
  const last = schedule.findLast((choice) => choice.kind === "call" || choice.kind === "timer");
  return last?.kind === "call" || last?.kind === "timer" ? last.runner : undefined;
}
