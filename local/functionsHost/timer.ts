import { createCron, parseCronExpression } from "../../src/config/schedule.ts";
import type { Invoker } from "./invoker.ts";
import { log } from "./protocol.ts";
import type { TimerFunction } from "./triggers.ts";

/** The timer's payload, in the form that the real host sends to the worker. This host never fires a tick late. */
const json = JSON.stringify({ Schedule: { AdjustForDST: true }, ScheduleStatus: null, IsPastDue: false });

/**
 * Invokes a function on its schedule, in UTC. A tick during an invocation that a tick started is left out.
 *
 * @returns invokes the function now, even if another invocation is running
 * @throws if the schedule is not set, or breaks the rules of {@link parseCronExpression}
 */
export function startTimer(target: TimerFunction, invoker: Invoker): (invocationId?: string) => void {
  const cron = createCron(scheduleOf(target));
  let isRunning = false;
  cron.schedule(async () => {
    if (isRunning) return;
    isRunning = true;
    await invoker.invoke(target, { json });
    isRunning = false;
  });
  log("information", `next tick: ${cron.nextRun()?.toISOString()}`, target.name);
  return (invocationId) => void invoker.invoke(target, { json }, invocationId);
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
