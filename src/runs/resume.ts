import type { CallProblem } from "../domain/attempt.ts";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Gateway, Run } from "../domain/target.ts";
import { readBlob, type StorageTerms } from "../journal/conditionalWrite.ts";
import { type Journal, parseJournal } from "../journal/journal.ts";
import {
  type JournalSummary,
  publisherOf,
  type ReadSummaries,
  readSummaries,
} from "../journal/journalSummary.ts";
import {
  callsOfRotation,
  type InvocationTerms,
  quietPeriodMs,
  type RotationServices,
} from "../rotation/context.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import { driveRun } from "./driveRun.ts";
import { claimMarker, type HeldMarker, isDue, markerName, markerPrefix, readMarker } from "./marker.ts";
import type { RunResult } from "./rotateAll.ts";
import { blobUnreadable, storageFailed } from "./runFailedError.ts";
import { type ClaimedRun, createRun, readDocument, readProgress } from "./runs.ts";

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
 * an operator deleted their run, or a driver that had lost its claim acted after the run's end. It creates a run for
 * each. A tick with nothing to do lists the open runs and the journals, and makes no other call.
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
  /** Ids of the runs that are open: each continues its own gateways. */
  const open = new Set<string>();

  /** Reports a call that failed. @returns whether it failed */
  function isFailed(
    what: string,
    access: { readonly kind: string; readonly problem?: CallProblem },
  ): boolean {
    if (access.problem !== undefined) problems.push(storageFailed(what, access.problem));
    return access.problem !== undefined;
  }

  /** @returns false when no driver can continue the run: its marker or its document is missing or unreadable */
  async function resume(id: string): Promise<boolean> {
    const unread = `Run ${id} could not be read`;
    const marker = await readMarker(storage, id);
    if (marker.kind !== "held") return isFailed(unread, marker);
    const { held } = marker;
    const now = services.clock.now() + held.clockOffsetMs;
    if (held.marker.drivenUntil > now || held.marker.resumeAt > now) return true;
    const found = await readDocument(storage, id);
    if (found.kind === "none") await removeIfStale(storage, held, quietPeriodMs(terms));
    if (found.kind === "unreadable") problems.push(`Run ${id}: ${blobUnreadable(found.blob)}`);
    if (found.kind !== "found") return isFailed(unread, found);
    const claimed = await claimMarker(storage, held, services.newGuid());
    if (claimed.kind !== "held") {
      isFailed(`Run ${id} could not be claimed`, claimed);
      return true;
    }
    const read = await readProgress(storage, found.document);
    if (read.kind === "found") await drive({ run: read.run, held: claimed.held });
    else isFailed(unread, read);
    return true;
  }

  async function drive(claimed: ClaimedRun): Promise<void> {
    const { document, unreadable } = claimed.run;
    if (unreadable > 0)
      problems.push(
        `Run ${document.id}: the function does not understand ${unreadable} lines of its log, and leaves them there.`,
      );
    const driven = await driveRun(services, storage, claimed, terms);
    isFailed(`Run ${document.id} could not be written`, driven);
    failed.push(...driven.result.failed);
    counts.rotated += driven.result.rotated;
    counts.skipped += driven.result.skipped;
    counts.pending += driven.result.pending;
  }

  /** Creates and drives a run for what a journal shows as unfinished, if the journal's run is gone. @returns whether it did */
  async function adopt(journalName: string): Promise<boolean> {
    const found = await readBlob(storage, journalName);
    isFailed(`${journalName} could not be read`, found);
    if (found.kind !== "found") return false;
    const parsed = parseJournal(found.text);
    if (parsed.kind === "unreadable") problems.push(blobUnreadable(journalName));
    const journal = parsed.kind === "journal" ? parsed.journal : undefined;
    const unfinished = journal && unfinishedIn(journal, found.now);
    if (journal === undefined || unfinished === undefined) return false;
    const id = `resume-${unfinished.name}`;
    if ((await mayExist(unfinished.runId)) || (await mayExist(id))) return false;
    const run = { ...continuation, id, driver: services.newGuid() };
    const created = await createRun(storage, run, () => [gatewayIn(journal, configured)]);
    isFailed(`Run ${id} could not be written`, created);
    if (created.kind === "created") await drive(created.claimed);
    return true;
  }

  /** False only when storage shows that no run of this id can continue. */
  async function mayExist(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false;
    if (open.has(id)) return true;
    if ((await readMarker(storage, id)).kind === "none") return false;
    const { kind } = await readDocument(storage, id);
    return kind === "found" || kind === "failed";
  }

  /** An error in one item stops no other. No item begins without the time for a rotation. */
  async function eachInTime(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
    for (const name of names) {
      if (services.clock.now() > terms.deadline - callsOfRotation * terms.callTimeoutMs) return;
      try {
        await work(name);
      } catch (error) {
        problems.push(`${name}: ${error instanceof Error ? error.name : typeof error}`);
      }
    }
  }

  const listed = await storage.blobs.list(markerPrefix);
  isFailed("The open runs could not be listed", listed);
  const { blobs, now } = listed.kind === "listed" ? listed : { blobs: [], now: 0 };
  for (const { name } of blobs) open.add(idOf(name));
  await eachInTime(
    blobs.flatMap(({ name, metadata }) => (isDue(metadata, now) ? [idOf(name)] : [])),
    async (id) => void ((await resume(id)) || open.delete(id)),
  );

  const journals = await readSummaries(storage);
  isFailed("The journals could not be listed", journals);
  const summaries = listed.kind === "listed" && journals.kind === "read" ? [...journals.summaries] : [];
  const isLeft = ({ openFor, verifyFor, verifyAt = Number.POSITIVE_INFINITY }: JournalSummary) =>
    openFor === undefined ? verifyAt <= now && !open.has(verifyFor ?? "") : !open.has(openFor);
  const adopted: string[] = [];
  await eachInTime(
    summaries.flatMap(([name, summary]) => (isLeft(summary) ? [name] : [])),
    async (name) => void ((await adopt(name)) && adopted.push(name)),
  );
  const after = adopted.length === 0 ? journals : await readSummaries(storage);
  return { result: { ...counts, failed }, problems, journals: after };
}

const idOf = (marker: string): string => marker.slice(markerPrefix.length);

/** Removes a marker without a document after the quiet period. Before that, its creator may still write the document. */
async function removeIfStale(
  storage: StorageTerms,
  { id, marker, etag, clockOffsetMs }: HeldMarker,
  quietMs: number,
): Promise<void> {
  const now = storage.clock.now() + clockOffsetMs;
  if (marker.createdAt + quietMs < now) await storage.blobs.remove(markerName(id), etag);
}

/**
 * The intent or the verification that a runner can continue now. `runId`: the run that began it. `name`: a name for the
 * run that continues it.
 */
function unfinishedIn(
  journal: Journal,
  now: number,
): { name: string; runId: string | undefined } | undefined {
  const { intent, verification, commit } = journal;
  if (intent !== null)
    return intent.claimedUntil > now ? undefined : { name: intent.rotationId, runId: intent.runId };
  if (verification === null || verification.at > now || commit === null) return undefined;
  return { name: commit.version, runId: publisherOf(journal) };
}

/** A run that finishes what another run left, and begins no rotation. */
const continuation: Omit<Run, "id"> = {
  trigger: "resume",
  reason: "no open run continued this rotation",
  requestedBy: "resumeRotations",
  mode: "standard",
  takeOwnership: false,
};

/** The gateway of a journal, with the journal's own secret. Only the configuration holds its terms. */
function gatewayIn(
  { identity, vaultUrl, secretName }: Journal,
  configured: readonly Gateway[] = [],
): Gateway {
  const secret = { vaultUrl, secretName };
  const known = configured.find(({ target }) => target.identity === identity);
  if (known !== undefined) return { ...known, secret };
  const parsed = parseResourceId(identity);
  if (parsed.kind !== "target") throw new TypeError(`A journal names no gateway: ${identity}`);
  return { name: parsed.target.name, target: parsed.target, secret };
}
