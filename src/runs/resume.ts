import type { CallProblem } from "../domain/attempt.ts";
import { describeWithoutMessage } from "../domain/redacted.ts";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Gateway, Run } from "../domain/target.ts";
import { readBlob, type StorageTerms } from "../journal/conditionalWrite.ts";
import { type Journal, journalName, parseJournal } from "../journal/journal.ts";
import { publisherOf, type ReadSummaries, readSummaries } from "../journal/journalSummary.ts";
import {
  callsOfRotation,
  type InvocationTerms,
  quietPeriodMs,
  type RotationServices,
} from "../rotation/context.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import { gatewayOf } from "./document.ts";
import { driveRun } from "./driveRun.ts";
import { claimMarker, isDriven, isDue, markerName, markerPrefix, readMarker } from "./marker.ts";
import { isDone } from "./progress.ts";
import type { RunResult } from "./rotateAll.ts";
import {
  blobUnreadable,
  type ClaimedRun,
  createRun,
  readDocument,
  readProgress,
  readRun,
  storageFailed,
} from "./runs.ts";

export interface Resumed {
  /** The sum over all runs that were continued. */
  readonly result: RunResult;
  /** What could not be continued, why, and what to do about it. */
  readonly problems: readonly string[];
  /** Summaries of all journals, as the drives left them. */
  readonly journals: ReadSummaries;
}

/**
 * Continues every run that has not ended and that no driver holds: intents left by a crash or a deadline, gateways
 * never begun, verifications. Then it reads the journals for intents and due verifications that no open run continues:
 * an operator deleted their run, or a driver that had lost its claim acted after the run was done with the gateway. It
 * creates a run for each. A tick with nothing to do lists the open runs and the journals, and makes no other call.
 *
 * @param configured the configured gateways; undefined: the configuration cannot be read
 */
export async function resumeRuns(
  services: RotationServices,
  storage: StorageTerms,
  terms: InvocationTerms,
  configured?: readonly Gateway[],
): Promise<Resumed> {
  const failed: FailedRotation[] = [];
  const counts = { rotated: 0, skipped: 0, pending: 0 };
  const problems: string[] = [];
  /** Ids of the runs that are open. Each continues its gateways that are not done. */
  const open = new Set<string>();
  /** Ids of the open runs that another driver held when they were listed, or that this tick drives. */
  const beingDriven = new Set<string>();
  /** For each run that was read: the names of the journals of the gateways that it continues. */
  const continued = new Map<string, ReadonlySet<string>>();
  let isAnyAdopted = false;

  function reportFailed(
    what: string,
    access: { readonly kind: string; readonly problem?: CallProblem },
  ): void {
    if (access.problem !== undefined) problems.push(storageFailed(what, access.problem));
  }

  async function resume(id: string): Promise<void> {
    const unread = `Run ${id} could not be read`;
    const marker = await readMarker(storage, id);
    reportFailed(unread, marker);
    if (marker.kind !== "held") return;
    const { held } = marker;
    const { drivenUntil, resumeAt, createdAt } = held.marker;
    // Before the document is read: a slow answer does not show what was written meanwhile.
    const now = services.clock.now() + held.clockOffsetMs;
    if (Math.max(drivenUntil, resumeAt) > now) return;
    const found = await readDocument(storage, id);
    reportFailed(unread, found);
    // Until the quiet period has ended, the marker's creator may still write the document.
    if (found.kind === "none" && createdAt + quietPeriodMs(terms) < now)
      await storage.blobs.remove(markerName(id), held.etag);
    if (found.kind === "unreadable") problems.push(`Run ${id}: ${blobUnreadable(found.blob)}`);
    // No driver can continue it. The journals show what it left.
    if (found.kind === "none" || found.kind === "unreadable") open.delete(id);
    if (found.kind !== "found") return;
    const claimed = await claimMarker(storage, held, services.newGuid());
    reportFailed(`Run ${id} could not be claimed`, claimed);
    if (claimed.kind !== "held") return;
    beingDriven.add(id);
    const read = await readProgress(storage, found.document);
    reportFailed(unread, read);
    if (read.kind === "found") await drive({ run: read.run, held: claimed.held });
  }

  async function drive(claimed: ClaimedRun): Promise<void> {
    const { document, unreadable } = claimed.run;
    if (unreadable > 0)
      problems.push(
        `Run ${document.id}: the function does not understand ${unreadable} of the lines in its log, and ignores them.\n  Next: if another version of this system wrote them, deploy that version again. A line that a crash cut off needs no action.`,
      );
    const driven = await driveRun(services, storage, claimed, terms);
    reportFailed(`Run ${document.id} could not be written`, driven);
    failed.push(...driven.result.failed);
    counts.rotated += driven.result.rotated;
    counts.skipped += driven.result.skipped;
    counts.pending += driven.result.pending;
  }

  /** Creates and drives a run for what a journal shows as unfinished, if the journal's run does not continue it. */
  async function adopt(name: string): Promise<void> {
    const found = await readBlob(storage, name);
    reportFailed(`${name} could not be read`, found);
    if (found.kind !== "found") return;
    const parsed = parseJournal(found.text);
    const gateway = parsed.kind === "journal" ? gatewayIn(parsed.journal, configured) : undefined;
    if (parsed.kind === "unreadable" || gateway === undefined) {
      problems.push(blobUnreadable(name));
      return;
    }
    const unfinished = unfinishedIn(parsed.journal, found.now);
    if (unfinished === undefined) return;
    const id = `resume-${unfinished.name}`;
    if (open.has(id) || (await mayContinue(unfinished.runId, name))) return;
    isAnyAdopted = true;
    const run = { ...continuation, id, driver: services.newGuid() };
    const created = await createRun(storage, run, () => [gateway]);
    reportFailed(`Run ${id} could not be written`, created);
    if (created.kind === "created") await drive(created);
  }

  /** False only when storage shows that the run has ended, cannot be driven, or is done with the gateway. */
  async function mayContinue(id: string, journal: string): Promise<boolean> {
    if (beingDriven.has(id)) return true;
    const known = continued.get(id);
    if (known !== undefined) return known.has(journal);
    if (!open.has(id) && (await readMarker(storage, id)).kind === "none") return false;
    const read = await readRun(storage, id);
    if (read.kind === "failed") return true;
    const gateways = read.kind === "found" ? read.run.gateways : [];
    const names = new Set(gateways.flatMap((of) => (isDone(of) ? [] : [journalName(gatewayOf(of))])));
    continued.set(id, names);
    return names.has(journal);
  }

  /** An error in one item stops no other. No item begins without the time for a rotation. */
  async function eachInTime<T>(
    items: Iterable<readonly [name: string, item: T]>,
    work: (name: string, item: T) => Promise<void>,
  ): Promise<void> {
    for (const [name, item] of items) {
      if (services.clock.now() > terms.deadline - callsOfRotation * terms.callTimeoutMs) return;
      try {
        await work(name, item);
      } catch (error) {
        problems.push(
          `${name}: a defect of this system: ${describeWithoutMessage(error)}\n  Next: report the defect. The next tick tries again.`,
        );
      }
    }
  }

  const listed = await storage.blobs.list(markerPrefix);
  reportFailed("The open runs could not be listed", listed);
  const { blobs, now } = listed.kind === "listed" ? listed : { blobs: [], now: 0 };
  const openRuns = blobs.map(({ name, metadata }) => [name.slice(markerPrefix.length), metadata] as const);
  for (const [id, metadata] of openRuns) {
    open.add(id);
    if (isDriven(metadata, now)) beingDriven.add(id);
  }
  await eachInTime(openRuns, async (id, metadata) => {
    if (isDue(metadata, now)) await resume(id);
  });

  const journals = await readSummaries(storage);
  reportFailed("The journals could not be listed", journals);
  const summaries = listed.kind === "listed" && journals.kind === "read" ? journals.summaries : [];
  await eachInTime(summaries, async (name, { openFor, verifyFor, verifyAt = Number.POSITIVE_INFINITY }) => {
    const id = openFor ?? (verifyAt <= now ? verifyFor : undefined);
    if (id === undefined || (open.has(id) && (await mayContinue(id, name)))) return;
    await adopt(name);
  });
  const after = isAnyAdopted ? await readSummaries(storage) : journals;
  return { result: { ...counts, failed }, problems, journals: after };
}

/**
 * The intent or the verification that a runner can continue now. `runId`: the run that began it. `name`: a name for the
 * run that continues it. A rebuilt journal names no run: the run that rebuilt it verifies it, or the next tick does.
 */
function unfinishedIn(journal: Journal, now: number): { name: string; runId: string } | undefined {
  const { intent, verification, commit } = journal;
  if (intent !== null)
    return intent.claimedUntil > now ? undefined : { name: intent.rotationId, runId: intent.runId };
  const runId = publisherOf(journal);
  if (verification === null || verification.at > now || commit === null || runId === undefined)
    return undefined;
  return { name: commit.version, runId };
}

/** A run that finishes what another run left, and begins no rotation. */
const continuation: Omit<Run, "id"> = {
  trigger: "resume",
  reason: "no open run continued this rotation",
  requestedBy: "resumeRotations",
  mode: "standard",
  takeOwnership: false,
};

/**
 * The gateway of a journal, with the journal's own secret. Only the configuration holds its terms.
 *
 * @returns undefined if the journal names no gateway that this version knows
 */
function gatewayIn(
  { identity, vaultUrl, secretName }: Journal,
  configured: readonly Gateway[] = [],
): Gateway | undefined {
  const secret = { vaultUrl, secretName };
  const known = configured.find(({ target }) => target.identity === identity);
  if (known !== undefined) return { ...known, secret };
  const parsed = parseResourceId(identity);
  return parsed.kind === "target" ? { name: parsed.target.name, target: parsed.target, secret } : undefined;
}
