import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { isLeftToResume } from "../simulation/promises/storedRecords.ts";
import { brokenPromises, type KeyBounds, progressOf } from "./brokenPromises.ts";
import type { CaseEnvironment } from "./caseEnvironment.ts";
import type { CaseResult } from "./processCase.ts";
import type { TimeOuts } from "./sharedEnvironment.ts";
import { resumeRotations } from "./triggerFunctions.ts";

/** The time between ticks of `resumeRotations`: longer than a claim, and several ticks before a verification. */
const tickMs = ({ callSeconds }: TimeOuts): number => 20 * callSeconds * 1000;

const graceSeconds = 60;

/** After this time no attempt can take effect, and every verification is due, in milliseconds. */
export const quietPeriodMs = ({ callSeconds, functionSeconds }: TimeOuts): number =>
  (functionSeconds + graceSeconds + 2 * callSeconds + 1) * 1000;

const mostTicks = 30;

/**
 * Recovers, and checks the promises.
 *
 * @param by the process that recovers
 * @param boundsOf the most versions and keys of so many runs
 */
export async function recoverAndCheck(
  environment: CaseEnvironment,
  by: FunctionsHost,
  boundsOf: (runs: number) => KeyBounds,
): Promise<CaseResult> {
  const late = await recover(environment, by);
  const { runs, keysMade } = await progressOf(environment);
  const broken = await brokenPromises(environment, boundsOf(runs));
  return { violations: [...late, ...broken], keysMade };
}

/**
 * Ticks of `resumeRotations`, until nothing is left to do. After a tick that fails, others follow.
 *
 * @returns the violations
 */
async function recover(environment: CaseEnvironment, by: FunctionsHost): Promise<readonly string[]> {
  let failed: readonly string[] = [];
  for (let ticks = 0; ticks < mostTicks; ticks += 1) {
    environment.advanceStorageClock(tickMs(environment.timeOuts));
    failed = await resumeRotations(by);
    const blobs = await environment.readBlobs();
    if (!blobs.some(isLeftToResume)) return [];
  }
  return [`after ${mostTicks} ticks something is still left to do`, ...failed];
}
