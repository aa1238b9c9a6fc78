import type { Cron } from "croner";
import { createCron, parseSchedule } from "../../src/config/schedule.ts";
import type { Invoker } from "./invoker.ts";
import type { TimerFunction } from "./triggers.ts";

/** The timer's payload as the real host sends it to the worker. */
interface TimerInfo {
  readonly Schedule: { readonly AdjustForDST: boolean };
  /** Null until the schedule has come round once: a trigger by hand may find it so. */
  readonly ScheduleStatus: {
    readonly Last: string;
    readonly Next: string;
    readonly LastUpdated: string;
  } | null;
  readonly IsPastDue: boolean;
}

export interface Timer {
  /** By hand: beside an invocation that still runs, if need be. Returns the invocation's id. */
  trigger(): string;
  start(): void;
  stop(): void;
}

/**
 * Invokes a function on its schedule, in UTC, never twice at a time: a tick that comes while the function still
 * runs is passed over. A tick that was missed while no host ran is not made up for at the next start, unlike in
 * Azure.
 *
 * @throws where the schedule breaks the rules of {@link parseSchedule}
 */
export function createTimer(target: TimerFunction, invoker: Invoker): Timer {
  let status: TimerInfo["ScheduleStatus"] = null;
  const invoke = () => {
    const info: TimerInfo = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: status,
      IsPastDue: false,
    };
    return invoker.invoke(target, { json: JSON.stringify(info) });
  };

  const tick = async (cron: Cron) => {
    const now = new Date().toISOString();
    status = { Last: now, Next: cron.nextRun()?.toISOString() ?? now, LastUpdated: now };
    await invoke().completed;
  };
  const cron = createCron(scheduleOf(target), { protect: true, paused: true }, tick);
  let started = false;

  return {
    trigger: () => invoke().invocationId,
    start() {
      cron.resume();
      if (!started && target.runOnStartup) void cron.trigger();
      started = true;
    },
    stop: () => cron.pause(),
  };
}

function scheduleOf({ name, schedule }: TimerFunction): string {
  const parsed = parseSchedule(schedule);
  if (parsed.kind === "value") return parsed.value;
  throw new Error(
    `The function "${name}" has the schedule "${schedule}". Rule: ${parsed.rule}. Remedy: ${parsed.remedy}.`,
  );
}
