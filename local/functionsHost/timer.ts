import type { Cron } from "croner";
import { createCron, parseSchedule } from "../../src/config/schedule.ts";
import type { Invoker } from "./invoker.ts";
import type { TimerFunction } from "./triggers.ts";

/** The timer's payload, in the form that the real host sends to the worker. */
interface TimerInfo {
  readonly Schedule: { readonly AdjustForDST: boolean };
  /** Null before the first tick, and so perhaps for a manual trigger. */
  readonly ScheduleStatus: {
    readonly Last: string;
    readonly Next: string;
    readonly LastUpdated: string;
  } | null;
  readonly IsPastDue: boolean;
}

export interface Timer {
  /** Invokes the function now, even if another invocation is running. Returns the invocation's id. */
  trigger(): string;
  start(): void;
  stop(): void;
}

/**
 * Invokes a function on its schedule, in UTC, one invocation at a time: a tick during an invocation is skipped. Unlike in
 * Azure, a tick that was missed while no host was running is not made up at the next start.
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
