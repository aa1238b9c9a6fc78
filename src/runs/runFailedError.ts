import type { CallProblem } from "../domain/attempt.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import type { RunResult } from "./rotateAll.ts";

const nothingDriven: RunResult = { rotated: 0, skipped: 0, pending: 0, failed: [] };

/**
 * Fails the invocation, so that the platform's own alerts see it. The message names each failed gateway and each problem
 * with a next action. It counts the rotated gateways even when the blobs of their run could not be written.
 */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";
  readonly failed: readonly FailedRotation[];

  /** @param problems with the blobs of runs, each with its next action; at least one if no gateway failed */
  constructor(result: RunResult = nothingDriven, problems: readonly string[] = []) {
    const { rotated, skipped, pending, failed } = result;
    const total = rotated + skipped + pending + failed.length;
    const counts = `${rotated} rotated, ${skipped} not due, ${pending} left to resumeRotations`;
    const head =
      failed.length === 0
        ? `The function could not use the blobs of some runs. None of ${total} gateways failed (${counts}).`
        : `${failed.length} of ${total} gateways failed (${counts}).`;
    super([head, ...failed.map(describe), ...problems.map((problem) => `- ${problem}`)].join("\n"));
    this.failed = failed;
  }
}

const describe = ({ gateway, code, effect, message, nextAction }: FailedRotation): string =>
  `- ${gateway.name} (${gateway.target.resourceId})\n  ${code}, key ${effect}: ${message}\n  Next: ${nextAction}`;

/** @param what a clause that says what failed: "Run a could not be read" */
export const storageFailed = (what: string, { message }: CallProblem): string =>
  `${what}: ${message}\n  Next: restore access to the function's storage account (AzureWebJobsStorage), where the function's identity needs the role Storage Blob Data Owner. resumeRotations then continues.`;

export const blobUnreadable = (blob: string): string =>
  `The function does not understand the blob ${blob}, and does not change it.\n  Next: if another version of this system wrote it, deploy that version again. Otherwise save a copy of the blob and delete it: resumeRotations continues open rotations from their journals.`;
