import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { markerPrefix } from "../../src/runs/runs.ts";
import type { Times } from "./lab.ts";
import type { Stage } from "./stage.ts";
import { resumeRotations } from "./triggers.ts";

/** Between ticks of `resumeRotations`: longer than a claim, and as in production several before a verification. */
const tickMs = ({ callTimeoutSeconds }: Times) => 20 * callTimeoutSeconds * 1000;

const graceSeconds = 60;

/** After this time no attempt can still take effect, and a verification is due. */
export const quietMs = ({ callTimeoutSeconds, functionTimeoutSeconds }: Times) =>
  (functionTimeoutSeconds + graceSeconds + 2 * callTimeoutSeconds + 1) * 1000;

const mostTicks = 30;

/**
 * Ticks of `resumeRotations`, until no run is open. After a tick that fails, another follows.
 *
 * @returns the promises that do not hold
 */
export async function recover(stage: Stage, by: FunctionsHost): Promise<readonly string[]> {
  let failed: readonly string[] = [];
  for (let ticks = 0; ticks < mostTicks; ticks += 1) {
    stage.putForward(tickMs(stage.times));
    failed = await resumeRotations(by);
    const blobs = await stage.readBlobs();
    if (!blobs.some(({ name }) => name.startsWith(markerPrefix))) return [];
  }
  return [`after ${mostTicks} ticks a run is still open`, ...failed];
}
