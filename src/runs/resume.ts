import type { CallProblem } from "../domain/attempt.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import type { RotationServices } from "../rotation/services.ts";
import { callsOfRotation, type InvocationTerms, quietPeriodMs } from "../rotation/terms.ts";
import { driveRun } from "./driveRun.ts";
import { claimMarker, type HeldMarker, isDue, markerName, markerPrefix, readMarker } from "./marker.ts";
import type { RunResult } from "./rotateAll.ts";
import { describeAccess, readDocument, readProgress } from "./runs.ts";

export interface Resumed {
  /** Of all runs that were continued. */
  readonly result: RunResult;
  /** Runs that could not be continued, and why. */
  readonly problems: readonly string[];
}

/**
 * Continues every run that has not ended and that no driver holds: intents left by a crash or a deadline, gateways
 * never begun, verifications. One list shows which runs are due; a tick with none of them costs no other call.
 */
export async function resumeRuns(
  services: RotationServices,
  storage: StorageTerms,
  terms: InvocationTerms,
): Promise<Resumed> {
  const failed: FailedRotation[] = [];
  const counts = { rotated: 0, skipped: 0, pending: 0 };
  const problems: string[] = [];
  const report = (what: string, { message }: CallProblem): void => void problems.push(`${what}: ${message}`);

  const listed = await storage.blobs.list(markerPrefix);
  if (listed.kind === "failed") {
    report("The open runs could not be listed", listed.problem);
    return { result: { ...counts, failed }, problems };
  }
  for (const { name, metadata } of listed.blobs) {
    if (!isDue(metadata, listed.now)) continue;
    // A run that is claimed without the time to read its gateways would only be delayed.
    if (services.clock.now() > terms.deadline - callsOfRotation * terms.callTimeoutMs) break;
    try {
      await resume(name.slice(markerPrefix.length));
    } catch (error) {
      // One run stops no other, whatever is in its blobs.
      problems.push(`Run ${name}: ${error instanceof Error ? error.name : typeof error}`);
    }
  }

  async function resume(id: string): Promise<void> {
    const marker = await readMarker(storage, id);
    if (marker.kind === "failed") return report(`Run ${id} could not be read`, marker.problem);
    if (marker.kind !== "held") return;
    const { held } = marker;
    const now = services.clock.now() + held.clockOffsetMs;
    if (held.marker.drivenUntil > now || held.marker.resumeAt > now) return;
    const document = await readDocument(storage, id);
    if (document.kind === "none") return removeIfStale(storage, held, terms);
    if (document.kind !== "found") {
      problems.push(`Run ${id}: ${describeAccess(document)}`);
      return;
    }
    const claimed = await claimMarker(storage, held, services.newGuid(), quietPeriodMs(terms));
    if (claimed.kind === "failed") return report(`Run ${id} could not be claimed`, claimed.problem);
    if (claimed.kind !== "held") return;
    const read = await readProgress(storage, document.document);
    if (read.kind !== "found") {
      problems.push(`Run ${id}: ${describeAccess(read)}`);
      return;
    }
    if (read.run.unreadable > 0)
      problems.push(
        `Run ${id}: ${read.run.unreadable} lines of its log cannot be understood, and are left as they are.`,
      );
    const driven = await driveRun(services, storage, { run: read.run, held: claimed.held }, terms);
    if (driven.kind === "failed") return report(`Run ${id} could not be written`, driven.problem);
    failed.push(...driven.result.failed);
    counts.rotated += driven.result.rotated;
    counts.skipped += driven.result.skipped;
    counts.pending += driven.result.pending;
  }
  return { result: { ...counts, failed }, problems };
}

/** A marker without a document: its creator has died before anything was done, or is about to write the document. */
async function removeIfStale(
  storage: StorageTerms,
  { id, marker, etag, clockOffsetMs }: HeldMarker,
  terms: InvocationTerms,
): Promise<void> {
  const now = storage.clock.now() + clockOffsetMs;
  if (marker.createdAt + quietPeriodMs(terms) < now) await storage.blobs.remove(markerName(id), etag);
}
