import type { CallProblem, Failed } from "../domain/attempt.ts";
import type { Gateway, Run } from "../domain/target.ts";
import { readBlob, type StorageTerms, writeBlob } from "../journal/conditionalWrite.ts";
import { newDocument, parseDocument, type RunDocument, runName } from "./document.ts";
import { type FoldedLog, foldLog, logName } from "./log.ts";
import { type HeldMarker, openMarker, readMarker } from "./marker.ts";
import { isDone, isRefusedByRole } from "./progress.ts";

/** A run as it is stored: what was asked for, and how far each gateway is. */
export interface StoredRun extends FoldedLog {
  readonly document: RunDocument;
}

/** A run that a driver may drive. */
export interface ClaimedRun {
  readonly run: StoredRun;
  readonly held: HeldMarker;
}

type Unavailable =
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly blob: string }
  | Failed;

export type RunAccess = { readonly kind: "found"; readonly run: StoredRun } | Unavailable;

export type CreatedRun =
  /** The run is new. The caller holds its claim and drives it. */
  | ({ readonly kind: "created" } & ClaimedRun)
  /** A run of that id exists already. */
  | { readonly kind: "found"; readonly run: StoredRun }
  | Exclude<Unavailable, { readonly kind: "failed" | "none" }>
  /** `mayExist`: storage may hold the run. A runner that finds it there continues it. */
  | (Failed & { readonly mayExist: boolean });

/** Every gateway's outcome is final; verifications may still be due. */
export const isSettled = ({ gateways }: FoldedLog): boolean =>
  gateways.every(({ state }) => state !== "open");

/** Every open gateway was refused by role. An operator must assign the role, so the caller need not wait. */
export const isWaitingForRoles = ({ gateways }: FoldedLog): boolean =>
  gateways.every((gateway) => gateway.state !== "open" || isRefusedByRole(gateway));

/** Every gateway is settled and verified. */
export const isEnded = ({ gateways }: FoldedLog): boolean => gateways.every(isDone);

/**
 * Stores a run before its first step: first the marker by which resume finds it, then its document. When a run of that
 * id exists already, returns that run. If that run has not ended and has no marker, writes its marker again.
 *
 * @param choose returns the gateways of a new run. If it throws, nothing is stored.
 */
export async function createRun(
  storage: StorageTerms,
  run: Run & { readonly requestHash?: string | undefined; readonly driver?: string },
  choose: () => readonly Gateway[],
): Promise<CreatedRun> {
  const existing = await readRun(storage, run.id);
  if (existing.kind === "failed") return { ...existing, mayExist: false };
  if (existing.kind !== "none") return existing.kind === "found" ? reopened(storage, existing) : existing;
  const gateways = choose();
  const opened = await openMarker(storage, run.id, run.driver ?? "");
  if (opened.kind === "failed") return { ...opened, mayExist: false };
  const { held } = opened;
  const document = newDocument(run, gateways, held.marker.createdAt);
  const written = await writeBlob(storage, runName(run.id), JSON.stringify(document), { kind: "absent" });
  if (written.kind === "written")
    return { kind: "created", run: { document, ...foldLog(document, "") }, held };
  const other = written.kind === "lost" ? await readRun(storage, run.id) : written;
  if (other.kind === "failed") return { ...other, mayExist: true };
  return other.kind === "none" ? { kind: "unreadable", blob: runName(run.id) } : other;
}

/** Writes the marker again if an operator removed it before the run ended. */
async function reopened(
  storage: StorageTerms,
  found: Extract<RunAccess, { kind: "found" }>,
): Promise<CreatedRun> {
  const { id } = found.run.document;
  if (isEnded(found.run)) return found;
  const marker = await readMarker(storage, id);
  const opened = marker.kind === "none" ? await openMarker(storage, id, "") : marker;
  return opened.kind === "failed" ? { ...opened, mayExist: true } : found;
}

/** Reads a run's document and its log. */
export async function readRun(storage: StorageTerms, id: string): Promise<RunAccess> {
  const read = await readDocument(storage, id);
  return read.kind === "found" ? readProgress(storage, read.document) : read;
}

export type DocumentAccess = { readonly kind: "found"; readonly document: RunDocument } | Unavailable;

export async function readDocument(storage: StorageTerms, id: string): Promise<DocumentAccess> {
  const found = await readBlob(storage, runName(id));
  if (found.kind !== "found") return found.kind === "none" ? { kind: "none" } : found;
  const document = parseDocument(found.text);
  return document === undefined ? { kind: "unreadable", blob: runName(id) } : { kind: "found", document };
}

export type ProgressAccess = Extract<RunAccess, { readonly kind: "found" | "failed" }>;

/** Reads a run's log again; its document never changes. */
export async function readProgress(storage: StorageTerms, document: RunDocument): Promise<ProgressAccess> {
  const log = await readBlob(storage, logName(document.id));
  if (log.kind === "failed") return log;
  return { kind: "found", run: { document, ...foldLog(document, log.kind === "none" ? "" : log.text) } };
}

/** @param what the failure as a sentence without its full stop, such as "Run a could not be read" */
export const storageFailed = (what: string, { message }: CallProblem): string =>
  `${what}: ${message}\n  Next: restore access to the function's storage account (AzureWebJobsStorage), where the function's identity needs the role Storage Blob Data Owner. resumeRotations then continues.`;

export const blobUnreadable = (blob: string): string =>
  `The function does not understand the blob ${blob}, and does not change it.\n  Next: if another version of this system wrote it, deploy that version again. Otherwise save a copy of the blob and delete it: resumeRotations continues open rotations from their journals.`;
