import type { Failed } from "../domain/attempt.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import {
  callsOfRotation,
  type InvocationTerms,
  lastStartFor,
  type RotationServices,
} from "../rotation/context.ts";
import { driveRun } from "./driveRun.ts";
import { claimMarker, readMarker } from "./marker.ts";
import {
  type ClaimedRun,
  type CreatedRun,
  isSettled,
  isWaitingForRoles,
  readProgress,
  type StoredRun,
} from "./runs.ts";

/** `failed`: a call to storage failed. Before that, this invocation rotated `rotated` gateways and stored their keys. */
export type LatestRun =
  | { readonly kind: "found"; readonly run: StoredRun }
  | (Failed & { readonly rotated: number });

/** The pause between two reads of a run that another runner drives, or that is not due yet, in milliseconds. */
const pollMs = 1000;

/**
 * Drives a run for a caller that waits for the answer. While another runner drives the run, reads it instead. Ends when
 * every gateway is settled or waits for a role assignment, or when the time for an answer (`terms.yieldAt`) leaves no
 * time for another rotation. A rotation that has begun is finished first.
 *
 * @returns the run as it is stored at the end
 */
export async function driveUntilSettled(
  services: RotationServices,
  storage: StorageTerms,
  created: Extract<CreatedRun, { kind: "created" | "found" }>,
  terms: InvocationTerms & { readonly yieldAt: number },
): Promise<LatestRun> {
  const { clock } = services;
  const answering = { ...storage, lastStart: terms.yieldAt };
  const tooLate = lastStartFor(terms, callsOfRotation);
  const { document } = created.run;
  let ours: ClaimedRun | undefined = created.kind === "created" ? created : undefined;
  let rotated = 0;
  for (;;) {
    if (ours !== undefined) {
      const driven = await driveRun(services, storage, ours, terms);
      rotated += driven.result.rotated;
      if (driven.kind === "failed") return { ...driven, rotated };
    }
    const marker = await readMarker(answering, document.id);
    if (marker.kind === "failed") return { ...marker, rotated };
    const read = await readProgress(answering, document);
    if (read.kind === "failed") return { ...read, rotated };
    if (isSettled(read.run) || isWaitingForRoles(read.run)) return read;
    // An operator removed its marker, so no runner continues this run.
    if (marker.kind !== "held") return read;
    const { held } = marker;
    const drivenUntil = held.marker.drivenUntil - held.clockOffsetMs;
    const resumeAt = held.marker.resumeAt - held.clockOffsetMs;
    const isDriven = drivenUntil > clock.now();
    // It is too late to begin a rotation, but another runner may still finish one in time.
    if (clock.now() >= (isDriven ? terms.yieldAt : tooLate)) return read;
    if (!isDriven && resumeAt > tooLate) return read;
    await clock.sleep(pollMs);
    const mayDrive = !isDriven && resumeAt <= clock.now();
    const claimed = mayDrive ? await claimMarker(answering, held, services.newGuid()) : undefined;
    ours = undefined;
    if (claimed?.kind !== "held") continue;
    // The previous driver may have appended since the read above. Under the claim, a read is current.
    const current = await readProgress(answering, document);
    if (current.kind === "failed") return { ...current, rotated };
    ours = { run: current.run, held: claimed.held };
  }
}
