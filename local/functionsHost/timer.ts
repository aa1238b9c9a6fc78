import { setTimeout as sleep } from "node:timers/promises";
import { createCron, firstTicks, parseSchedule } from "../../src/config/schedule.ts";
import type { Invoker } from "./invoker.ts";
import type { ScheduleStatus, ScheduleStatuses } from "./scheduleStatus.ts";
import { resolveSettings } from "./settings.ts";
import type { TimerFunction } from "./triggers.ts";

/** The timer's payload, in the form that the real host sends to the worker. */
interface TimerInfo {
  readonly Schedule: { readonly AdjustForDST: boolean };
  /** Null for a schedule that the host does not monitor. */
  readonly ScheduleStatus: ScheduleStatus | null;
  readonly IsPastDue: boolean;
}

export interface Timer {
  /** Invokes the function now, even if another invocation is running. */
  trigger(invocationId?: string): void;
  start(): void;
  /** Starts no further invocation. */
  stop(): void;
}

export interface TimerDependencies {
  readonly invoker: Invoker;
  readonly statuses: ScheduleStatuses;
  log(message: string): void;
}

/** `DateTime`'s default value, which stands for "never". */
const never = "0001-01-01T00:00:00.000Z";
/** Schedules with shorter pauses are not monitored. */
const shortestMonitoredMs = 60_000;
/** The longest time that `setTimeout` takes. */
const longestSleepMs = 2 ** 31 - 1;

/**
 * Invokes a function on its schedule, in UTC, one invocation at a time. A tick during an invocation follows right after
 * it. A tick that no host ran, or during which the host ended, is made up for at the start, as past due.
 *
 * @see https://github.com/Azure/azure-webjobs-sdk-extensions `TimerListener.cs`, `ScheduleMonitor.cs`
 * @throws where the schedule is not set, or breaks the rules of {@link parseSchedule}
 */
export function createTimer(target: TimerFunction, { invoker, statuses, log }: TimerDependencies): Timer {
  const expression = scheduleOf(target);
  const cron = createCron(expression);
  const isMonitored = isMonitorable(expression);
  const tickAfter = (time: string | Date) => (cron.nextRun(time) ?? new Date(8.64e15)).toISOString();
  let status: ScheduleStatus | undefined;
  let isFirstStart = true;
  let stopped = new AbortController();
  let keeping = Promise.resolve();

  function invoke(isPastDue: boolean, invocationId?: string) {
    const info: TimerInfo = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: (isMonitored && status) || null,
      IsPastDue: isPastDue,
    };
    const options = invocationId === undefined ? {} : { invocationId };
    return invoker.invoke(target, { json: JSON.stringify(info) }, options);
  }

  /** What another host recorded; not if it had another schedule. */
  async function recordedStatus(): Promise<ScheduleStatus | undefined> {
    const recorded = isMonitored ? await statuses.read() : undefined;
    if (recorded === undefined) return undefined;
    const { Last, LastUpdated, Next } = recorded;
    return tickAfter(new Date(Last) > new Date(never) ? Last : LastUpdated) === Next ? recorded : undefined;
  }

  async function record(next: ScheduleStatus): Promise<ScheduleStatus> {
    if (isMonitored) await statuses.write(next);
    return next;
  }

  async function occur(
    startedAt: Date,
    isPastDue: boolean,
    current: ScheduleStatus,
  ): Promise<ScheduleStatus> {
    await invoke(isPastDue);
    // A timer can fire a little early. Then the same tick would be the next one.
    const tick = new Date(Math.max(startedAt.getTime(), isPastDue ? 0 : Date.parse(current.Next)));
    const Last = tick.toISOString();
    return record({ Last, Next: tickAfter(tick), LastUpdated: Last });
  }

  async function keepTime(signal: AbortSignal): Promise<void> {
    const now = new Date();
    const fresh = { Last: never, Next: tickAfter(now), LastUpdated: now.toISOString() };
    status = (await recordedStatus()) ?? (await record(fresh));
    log(`next tick: ${status.Next}`);
    const isPastDue = now > new Date(status.Next);
    if (isPastDue) status = await occur(now, true, status);
    else if (isFirstStart && target.runOnStartup) await invoke(false);
    isFirstStart = false;
    while (await reached(status.Next, signal)) status = await occur(new Date(), false, status);
  }

  return {
    trigger: (invocationId) => void invoke(false, invocationId),
    start() {
      stopped = new AbortController();
      const { signal } = stopped;
      keeping = keeping.then(() => keepTime(signal));
    },
    stop: () => stopped.abort(),
  };
}

/** @returns whether the time was reached, rather than the end of the timer */
async function reached(time: string, signal: AbortSignal): Promise<boolean> {
  for (let left = 1; left > 0 && !signal.aborted; ) {
    left = Date.parse(time) - Date.now();
    await sleep(Math.min(Math.max(left, 0), longestSleepMs), undefined, { signal }).catch(() => undefined);
  }
  return !signal.aborted;
}

function isMonitorable(expression: string): boolean {
  const ticks = firstTicks(expression, 5).map((tick) => tick.getTime());
  return ticks.every((tick, index) => tick - (ticks[index - 1] ?? 0) >= shortestMonitoredMs);
}

function scheduleOf({ schedule }: TimerFunction): string {
  const text = resolveSettings(schedule, process.env);
  const parsed = parseSchedule(text);
  if (parsed.kind === "value") return parsed.value;
  throw new Error(`its schedule is "${text}". Rule: ${parsed.rule}. Remedy: ${parsed.remedy}.`);
}
