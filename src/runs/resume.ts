import type { CallProblem } from "../domain/attempt.ts";
import { readBlob, type StorageTerms } from "../journal/conditionalWrite.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import type { RotationServices } from "../rotation/services.ts";
import { callsOfRotation, type InvocationTerms, quietPeriodMs } from "../rotation/terms.ts";
import { driveRun } from "./driveRun.ts";
import type { RunResult } from "./rotateAll.ts";
import { claimRun, markerName, markerPrefix, markerTime, readRun } from "./runs.ts";

export interface Resumed {
  /** Of all runs that were gone on with. */
  readonly result: RunResult;
  /** Runs that could not be gone on with, and why. */
  readonly problems: readonly string[];
}

/**
 * Goes on with every run that is not done and that nobody else is driving: intents left by a crash or a deadline,
 * gateways never begun, checks owed. An idle tick lists the markers and no more.
 */
export async function resumeRuns(
  services: RotationServices,
  storage: StorageTerms,
  terms: InvocationTerms,
): Promise<Resumed> {
  const failed: FailedRotation[] = [];
  const counts = { rotated: 0, skipped: 0, pending: 0 };
  const problems: string[] = [];
  const tell = (what: string, { message }: CallProblem): void => void problems.push(`${what}: ${message}`);

  const listed = await storage.blobs.list(markerPrefix);
  if (listed.kind === "failed") {
    tell("The open runs could not be listed", listed.problem);
    return { result: { ...counts, failed }, problems };
  }
  for (const { name } of listed.blobs) {
    // A run that is begun without the time to look at its gateways would only be put off.
    if (services.clock.now() > terms.deadline - callsOfRotation * terms.callTimeoutMs) break;
    try {
      await goOnWith(name.slice(markerPrefix.length));
    } catch (error) {
      // One run stops no other, whatever is in its blobs.
      problems.push(`Run ${name}: ${error instanceof Error ? error.name : typeof error}`);
    }
  }

  async function goOnWith(id: string): Promise<void> {
    const read = await readRun(storage, id);
    if (read.kind === "failed") return tell(`Run ${id} could not be read`, read.problem);
    if (read.kind === "unreadable") {
      problems.push(`Run ${id} cannot be understood; its blob ${read.blob} is left as it is.`);
    }
    if (read.kind === "none") return removeIfStale(storage, id, terms);
    if (read.kind !== "held") return;
    const now = services.clock.now() + read.run.clockOffsetMs;
    const { drivenUntil, resumeAt } = read.run.record;
    if (drivenUntil > now || resumeAt > now) return;
    const claimed = await claimRun(storage, read.run, services.newGuid());
    if (claimed.kind === "failed") return tell(`Run ${id} could not be claimed`, claimed.problem);
    if (claimed.kind !== "held") return;
    const outcome = await driveRun(services, storage, claimed.run, terms);
    if (outcome.kind === "failed") return tell(`Run ${id} could not be written`, outcome.problem);
    failed.push(...outcome.result.failed);
    counts.rotated += outcome.result.rotated;
    counts.skipped += outcome.result.skipped;
    counts.pending += outcome.result.pending;
  }
  return { result: { ...counts, failed }, problems };
}

/** A marker without a run: its creator has died before anything was done, or is about to write the run. */
async function removeIfStale(storage: StorageTerms, id: string, terms: InvocationTerms): Promise<void> {
  const marker = await readBlob(storage, markerName(id));
  if (marker.kind !== "found") return;
  const createdAt = markerTime(marker.text);
  if (createdAt === undefined || createdAt + quietPeriodMs(terms) < marker.now)
    await storage.blobs.remove(markerName(id), marker.etag);
}
