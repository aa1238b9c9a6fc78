import type { FailedRotation } from "../rotation/outcome.ts";
import type { RunResult } from "./rotateAll.ts";

/** Fails the invocation, so that the platform's own alerts see it; names each failed gateway and what to do. */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";
  readonly failed: readonly FailedRotation[];

  /** @param problems what else went wrong, with the blobs of runs */
  constructor({ rotated, skipped, pending, failed }: RunResult, problems: readonly string[] = []) {
    const total = rotated + skipped + pending + failed.length;
    const head = `${failed.length} of ${total} gateways failed (${rotated} rotated, ${skipped} not due, ${pending} left to resumeRotations).`;
    super([head, ...failed.map(describe), ...problems.map((problem) => `- ${problem}`)].join("\n"));
    this.failed = failed;
  }
}

const describe = ({ gateway, code, effect, message, nextAction }: FailedRotation): string =>
  `- ${gateway.name} (${gateway.target.resourceId})\n  ${code}, key ${effect}: ${message}\n  Next: ${nextAction}`;
