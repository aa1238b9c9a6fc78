import type { CallProblem } from "../domain/attempt.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import type { RunResult } from "./rotateAll.ts";

const nothingDriven: RunResult = { rotated: 0, skipped: 0, pending: 0, failed: [] };

/**
 * Fails the invocation, so that the platform's own alerts see it. It names each failed gateway and what to do, and what
 * else went wrong. Of the keys it says what is known: a problem with a run's blobs never hides a rotated gateway.
 */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";
  readonly failed: readonly FailedRotation[];

  /** @param problems with the blobs of runs, each with its next action; at least one where no gateway failed */
  constructor(result: RunResult = nothingDriven, problems: readonly string[] = []) {
    const { rotated, skipped, pending, failed } = result;
    const total = rotated + skipped + pending + failed.length;
    const counts = `${rotated} rotated, ${skipped} not due, ${pending} left to resumeRotations`;
    const head =
      failed.length === 0
        ? `Blobs of runs could not be used. Of ${total} gateways none failed (${counts}).`
        : `${failed.length} of ${total} gateways failed (${counts}).`;
    super([head, ...failed.map(describe), ...problems.map((problem) => `- ${problem}`)].join("\n"));
    this.failed = failed;
  }
}

const describe = ({ gateway, code, effect, message, nextAction }: FailedRotation): string =>
  `- ${gateway.name} (${gateway.target.resourceId})\n  ${code}, key ${effect}: ${message}\n  Next: ${nextAction}`;

/** @param what what could not be done, as a clause */
export const storageFailed = (what: string, { message }: CallProblem): string =>
  `${what}: ${message}\n  Next: make the function's storage account (AzureWebJobsStorage) answer again, and give its identity Storage Blob Data Owner there. resumeRotations then continues.`;

export const blobUnreadable = (blob: string): string =>
  `The function does not understand the blob ${blob}, and does not change it.\n  Next: if another version of this system wrote it, deploy that version again. Otherwise save a copy of the blob and delete it: resumeRotations continues open rotations from their journals.`;
