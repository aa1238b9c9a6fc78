import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { RotationServices } from "../rotation/services.ts";
import { callsOfRotation, type InvocationTerms, lastStartFor } from "../rotation/terms.ts";
import { driveRun } from "./driveRun.ts";
import { type CreatedRun, claimRun, isSettled, type RunAccess, readRun } from "./runs.ts";

/** How often a run is looked at that somebody else is driving, or that has to wait. */
const lookEveryMs = 1000;

/**
 * Stays with a run for somebody who waits for it: drives it where nobody else does, else looks how far it is. Until
 * every gateway is settled, or nothing can come of it in the time for an answer (`terms.yieldAt`) any more. What is
 * begun is finished first.
 *
 * @returns the run as it is kept then
 */
export async function driveUntilSettled(
  services: RotationServices,
  storage: StorageTerms,
  { run: created, isNew }: Extract<CreatedRun, { kind: "held" }>,
  terms: InvocationTerms & { readonly yieldAt: number },
): Promise<RunAccess> {
  const { clock } = services;
  const { id } = created.record;
  const answering = { ...storage, lastStart: terms.yieldAt };
  const tooLate = lastStartFor(terms, callsOfRotation);
  let ours = isNew ? created : undefined;
  for (;;) {
    if (ours !== undefined) {
      const driven = await driveRun(services, storage, ours, terms);
      if (driven.kind === "failed") return driven;
    }
    const read = await readRun(answering, id);
    if (read.kind !== "held" || isSettled(read.run.record)) return read;
    const { clockOffsetMs, record } = read.run;
    const isDriven = record.drivenUntil - clockOffsetMs > clock.now();
    // Nobody can begin anything any more, or before it would be too late; somebody else may be done until then.
    if (clock.now() >= (isDriven ? terms.yieldAt : tooLate)) return read;
    if (!isDriven && record.resumeAt - clockOffsetMs > tooLate) return read;
    await clock.sleep(lookEveryMs);
    const mayDrive = !isDriven && record.resumeAt - clockOffsetMs <= clock.now();
    const claimed = mayDrive ? await claimRun(answering, read.run, services.newGuid()) : undefined;
    ours = claimed?.kind === "held" ? claimed.run : undefined;
  }
}
