import { aborted } from "./interruption.ts";
import type { Machine } from "./machine.ts";
import { describeInvocation } from "./runReport.ts";
import type { Session } from "./session.ts";

export const rotationFunction = "rotateOnSchedule";

/**
 * Triggers the rotation by hand and tells what came of it.
 *
 * @returns the exit code: 0 where the invocation succeeded, 1 where it failed
 * @throws where the session is interrupted or the functions host ends before the invocation does
 */
export async function rotateOnce(machine: Machine, { print, interruption }: Session): Promise<number> {
  const { simulator, functionsHost } = machine;
  const shown = simulator.telemetry.length;
  const result = await Promise.race([functionsHost.trigger(rotationFunction), aborted(interruption)]);
  if (result === undefined) throw interruption.reason;
  print(`\n${describeInvocation(simulator, result, shown)}`);
  return result.outcome.kind === "succeeded" ? 0 : 1;
}
