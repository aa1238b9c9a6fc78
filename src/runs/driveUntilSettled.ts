import type { CallProblem } from "../domain/attempt.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import {
  callsOfRotation,
  type InvocationTerms,
  lastStartFor,
  type RotationServices,
} from "../rotation/context.ts";
import { driveRun } from "./driveRun.ts";
import { claimMarker, readMarker } from "./marker.ts";
import { type CreatedRun, isSettled, isWaitingForRoles, readProgress, type StoredRun } from "./runs.ts";

/** `failed`: storage did not answer; `rotated` gateways were rotated before, and their new keys are stored. */
export type Stayed =
  | { readonly kind: "found"; readonly run: StoredRun }
  | { readonly kind: "failed"; readonly problem: CallProblem; readonly rotated: number };

/** How often a run is read that another runner drives, or that has to wait, in milliseconds. */
const pollMs = 1000;

/**
 * Stays with a run for a caller that waits for the answer: drives it if no other runner does, else reads how far it
 * is. Until every gateway is settled or waits for a role assignment, or the time for an answer (`terms.yieldAt`) allows
 * nothing more. What is begun is finished first.
 *
 * @returns the run as it is stored then
 */
export async function driveUntilSettled(
  services: RotationServices,
  storage: StorageTerms,
  created: Extract<CreatedRun, { kind: "created" | "found" }>,
  terms: InvocationTerms & { readonly yieldAt: number },
): Promise<Stayed> {
  const { clock } = services;
  const answering = { ...storage, lastStart: terms.yieldAt };
  const tooLate = lastStartFor(terms, callsOfRotation);
  const { document } = created.kind === "created" ? created.claimed.run : created.run;
  let ours = created.kind === "created" ? created.claimed : undefined;
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
    // Its marker was removed by hand: no runner continues it.
    if (marker.kind !== "held") return read;
    const { held } = marker;
    const drivenUntil = held.marker.drivenUntil - held.clockOffsetMs;
    const resumeAt = held.marker.resumeAt - held.clockOffsetMs;
    const isDriven = drivenUntil > clock.now();
    // No runner can begin anything any more in time; another one may be done until then.
    if (clock.now() >= (isDriven ? terms.yieldAt : tooLate)) return read;
    if (!isDriven && resumeAt > tooLate) return read;
    await clock.sleep(pollMs);
    const mayDrive = !isDriven && resumeAt <= clock.now();
    const claimed = mayDrive ? await claimMarker(answering, held, services.newGuid()) : undefined;
    ours = undefined;
    if (claimed?.kind !== "held") continue;
    // The driver before may have written since: only what is read under the claim is up to date.
    const current = await readProgress(answering, document);
    if (current.kind === "failed") return { ...current, rotated };
    ours = { run: current.run, held: claimed.held };
  }
}
