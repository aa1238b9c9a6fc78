import { aborted } from "./interruption.ts";
import type { Machine } from "./machine.ts";
import { describeInvocation } from "./runReport.ts";
import type { Session } from "./session.ts";

export const rotationFunction = "rotateOnSchedule";

/**
 * Triggers the rotation and prints its result.
 *
 * @returns the exit code: 0 if the invocation succeeded, 1 if it failed
 * @throws if the session is interrupted, or the functions host ends before the invocation
 */
export async function rotateOnce(machine: Machine, { print, interruption }: Session): Promise<number> {
  const { simulator, functionsHost } = machine;
  const shown = simulator.telemetry.length;
  const result = await Promise.race([functionsHost.trigger(rotationFunction), aborted(interruption)]);
  if (result === undefined) throw interruption.reason;
  print(`\n${describeInvocation(simulator, result, shown)}`);
  return result.outcome.kind === "succeeded" ? 0 : 1;
}
