import type { StorageTerms } from "./conditionalWrite.ts";
import { driveRun } from "./driveRun.ts";
import { type CreatedRun, claimRun, isSettled, type RunAccess, readRun } from "./runs.ts";
import type { InvocationTerms, RotationServices } from "./services.ts";

/** How often a run is looked at that somebody else is driving, or that has to wait. */
const lookEveryMs = 1000;

/**
 * Stays with a run for somebody who waits for it, until every gateway is settled or the time for an answer is up
 * (`terms.yieldAt`): drives it where nobody else does, else looks how far it is. What is begun is finished first.
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
  let ours = isNew ? created : undefined;
  for (;;) {
    if (ours !== undefined) {
      const driven = await driveRun(services, storage, ours, terms);
      if (driven.kind === "failed") return driven;
    }
    const read = await readRun(storage, id);
    if (read.kind !== "held" || isSettled(read.run.record) || clock.now() >= terms.yieldAt) return read;
    const { drivenUntil, resumeAt } = read.run.record;
    const now = clock.now() + read.run.clockOffsetMs;
    const claimed =
      drivenUntil <= now && resumeAt <= now
        ? await claimRun(storage, read.run, services.newGuid())
        : undefined;
    ours = claimed?.kind === "held" ? claimed.run : undefined;
    // One that was driven a moment ago is not driven again at once: whoever is at its gateways needs time.
    await clock.sleep(Math.min(lookEveryMs, terms.yieldAt - clock.now()));
  }
}
