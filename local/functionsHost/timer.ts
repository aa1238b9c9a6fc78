import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerClient } from "@azure/storage-blob";
import { z } from "zod";
import { createCron, parseCronExpression } from "../../src/config/schedule.ts";
import type { Invoker } from "./invoker.ts";
import { log } from "./protocol.ts";
import type { TimerFunction } from "./triggers.ts";

/** What the host records of a timer, in the form that the function gets. */
const ScheduleStatus = z.object({ Last: z.string(), Next: z.string(), LastUpdated: z.string() });
type ScheduleStatus = z.infer<typeof ScheduleStatus>;

/** The record of one timer, which outlives the host. */
export interface ScheduleStatuses {
  /** Undefined if there is none, or it cannot be read. */
  read(): Promise<ScheduleStatus | undefined>;
  /** Never rejects: at worst, a tick fires twice. */
  write(status: ScheduleStatus): Promise<void>;
}

/** The record is a blob, where the real host keeps it too. */
export function createScheduleStatuses(
  container: ContainerClient,
  appName: string,
  functionName: string,
): ScheduleStatuses {
  const blob = container.getBlockBlobClient(`timers/${appName}/Host.Functions.${functionName}/status`);
  return {
    async read() {
      try {
        return ScheduleStatus.parse(JSON.parse((await blob.downloadToBuffer()).toString("utf8")));
      } catch {
        return undefined;
      }
    },
    async write(status) {
      const text = JSON.stringify(status);
      await blob.upload(text, Buffer.byteLength(text)).catch(() => undefined);
    },
  };
}

/** The timer's payload, in the form that the real host sends to the worker. */
interface TimerInfo {
  readonly Schedule: { readonly AdjustForDST: boolean };
  /** Null before the first record. */
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

/** `DateTime`'s default value, which stands for "never". */
const never = "0001-01-01T00:00:00.000Z";
/** The longest time that `setTimeout` takes. */
const longestSleepMs = 2 ** 31 - 1;

/**
 * Invokes a function on its schedule, in UTC, one invocation at a time. A tick during an invocation follows right after
 * it. At its start, it fires a tick that no host ran, or during which the host ended, as past due.
 *
 * @see https://github.com/Azure/azure-webjobs-sdk-extensions `TimerListener.cs`, `ScheduleMonitor.cs`
 * @throws if the schedule is not set, or breaks the rules of {@link parseCronExpression}
 */
export function createTimer(target: TimerFunction, invoker: Invoker, statuses: ScheduleStatuses): Timer {
  const cron = createCron(scheduleOf(target));
  const tickAfter = (time: string | Date) => (cron.nextRun(time) ?? new Date(8.64e15)).toISOString();
  let status: ScheduleStatus | undefined;
  let stopped = new AbortController();
  let keeping = Promise.resolve();

  function invoke(isPastDue: boolean, invocationId?: string) {
    const info: TimerInfo = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: status ?? null,
      IsPastDue: isPastDue,
    };
    return invoker.invoke(target, { json: JSON.stringify(info) }, { invocationId });
  }

  /** What another host recorded; not if it had another schedule. */
  async function recordedStatus(): Promise<ScheduleStatus | undefined> {
    const recorded = await statuses.read();
    if (recorded === undefined) return undefined;
    const { Last, LastUpdated, Next } = recorded;
    return tickAfter(new Date(Last) > new Date(never) ? Last : LastUpdated) === Next ? recorded : undefined;
  }

  async function record(next: ScheduleStatus): Promise<ScheduleStatus> {
    await statuses.write(next);
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
    log("information", `next tick: ${status.Next}`, target.name);
    const isPastDue = now > new Date(status.Next);
    if (isPastDue) status = await occur(now, true, status);
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

function scheduleOf({ schedule }: TimerFunction): string {
  const text = schedule.replace(/%([^%]+)%/g, (whole, name: string) => {
    const value = process.env[name];
    if (!value) throw new Error(`${whole} does not resolve to a value: the app setting ${name} is not set.`);
    return value;
  });
  const parsed = parseCronExpression(text);
  if (parsed.kind === "value") return parsed.value;
  throw new Error(`its schedule is "${text}". Rule: ${parsed.rule}. Remedy: ${parsed.remedy}.`);
}
