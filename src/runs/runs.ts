import * as z from "zod/mini";
import type { CallProblem } from "../domain/attempt.ts";
import type { BlobCondition, BlobText } from "../domain/blobStore.ts";
import type { Run } from "../domain/run.ts";
import type { Gateway } from "../domain/target.ts";
import { readBlob, type StorageTerms, writeBlob } from "../journal/conditionalWrite.ts";
import { openGateway, runGateway } from "./runGateway.ts";
import { keepGateways, type RunGateways } from "./runGateways.ts";

/**
 * A run as it is kept: its gateways with their destinations and terms, so that it can be finished even when the
 * configuration has changed or is broken meanwhile. Times are milliseconds since 1970 by storage's clock.
 */
const time = z.int().check(z.nonnegative());

const runRecord = z.strictObject({
  schema: z.literal(1),
  id: z.string().check(z.minLength(1)),
  trigger: z.enum(["schedule", "http", "resume"]),
  reason: z.string(),
  requestedBy: z.string(),
  mode: z.enum(["standard", "compromised"]),
  takeOwnership: z.boolean(),
  /** Of the request that asked for it: the same idempotency key with another one is refused. */
  requestHash: z.optional(z.string()),
  createdAt: time,
  /** Who drives it, or drove it last: two that claim it at once never write the same text. */
  driver: z.optional(z.string()),
  /** Until then somebody is driving it: resume leaves it alone. */
  drivenUntil: time,
  /** How often it was driven; the pauses between grow with it. */
  drives: z.int().check(z.nonnegative()),
  /** When there is something to do again. */
  resumeAt: time,
  gateways: z.array(runGateway),
});

export interface RunRecord extends Omit<z.infer<typeof runRecord>, "gateways"> {
  readonly gateways: RunGateways;
}

export interface HeldRun {
  readonly record: RunRecord;
  readonly condition: BlobCondition;
  readonly clockOffsetMs: number;
}

export type RunAccess =
  | { readonly kind: "held"; readonly run: HeldRun }
  /** Somebody else was faster, or there is none. */
  | { readonly kind: "lost" | "none" }
  | { readonly kind: "unreadable"; readonly blob: string }
  | { readonly kind: "failed"; readonly problem: CallProblem };

export function describeAccess(access: Exclude<RunAccess, { kind: "held" }>): string {
  switch (access.kind) {
    case "failed":
      return access.problem.message;
    case "unreadable":
      return `The blob ${access.blob} cannot be understood, and is left as it is.`;
    case "lost":
    case "none":
      return "Another runner of the same run was faster.";
  }
}

/** Nothing is left to be rotated; looks at what was rotated may be owed. */
export const isSettled = ({ gateways }: RunRecord): boolean =>
  gateways.every(({ state }) => state !== "open");

export const runName = (id: string): string => `runs/${id}.json`;
export const markerName = (id: string): string => `open/${id}`;
export const markerPrefix = "open/";

/** How long a driver that says nothing is believed to be at it. Not a lock: each gateway's claim is. */
export const drivingMs = ({ callTimeoutMs }: StorageTerms): number => 4 * callTimeoutMs;

export type CreatedRun =
  | Exclude<RunAccess, { readonly kind: "held" | "failed" }>
  /** `mayExist`: its write was begun, and whoever finds it goes on with it. */
  | { readonly kind: "failed"; readonly problem: CallProblem; readonly mayExist: boolean }
  /** `isNew`: it is ours to drive. Else it existed already. */
  | { readonly kind: "held"; readonly run: HeldRun; readonly isNew: boolean };

/**
 * Writes down a run before anything is done for it: first the marker by which resume finds it, then the run. A run
 * of that id that exists already is held instead.
 */
export async function createRun(
  storage: StorageTerms,
  run: Run & Pick<RunRecord, "requestHash" | "driver">,
  gateways: readonly Gateway[],
): Promise<CreatedRun> {
  const marker = await writeMarker(storage, run.id);
  if (marker.kind === "failed") return { ...marker, mayExist: false };
  const { now } = marker;
  const record: RunRecord = {
    schema: 1,
    ...run,
    createdAt: now,
    drivenUntil: now + drivingMs(storage),
    drives: 0,
    resumeAt: now,
    gateways: keepGateways(gateways.map((gateway) => openGateway(gateway, now))),
  };
  const created = await writeRun(
    storage,
    { record, condition: { kind: "absent" }, clockOffsetMs: 0 },
    record,
  );
  if (created.kind === "held") return { ...created, isNew: true };
  const existing = created.kind === "lost" ? await readRun(storage, run.id) : created;
  if (existing.kind === "held") return { ...existing, isNew: false };
  return existing.kind === "failed" ? { ...existing, mayExist: true } : existing;
}

export type MarkerWrite =
  | { readonly kind: "written"; readonly now: number }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/**
 * Makes sure of the marker by which resume finds a run. One that is there already is written anew, so that whoever
 * takes it for stale does not remove it any more.
 */
export async function writeMarker(storage: StorageTerms, id: string): Promise<MarkerWrite> {
  for (;;) {
    const found = await readBlob(storage, markerName(id));
    if (found.kind === "failed") return found;
    const text = JSON.stringify({ createdAt: found.now });
    const condition: BlobCondition =
      found.kind === "none" ? { kind: "absent" } : { kind: "unchanged", etag: found.etag };
    const written = await writeBlob(storage, markerName(id), text, condition);
    if (written.kind !== "lost") return written;
  }
}

/** When a marker was made; undefined: it is none of ours. */
export function markerTime(text: string): number | undefined {
  try {
    return z.object({ createdAt: time }).parse(JSON.parse(text)).createdAt;
  } catch {
    return undefined;
  }
}

export async function readRun(storage: StorageTerms, id: string): Promise<RunAccess> {
  const found = await readBlob(storage, runName(id));
  if (found.kind !== "found") return found.kind === "none" ? { kind: "none" } : found;
  const record = parse(found.text);
  if (record === undefined) return { kind: "unreadable", blob: runName(id) };
  const clockOffsetMs = found.now - storage.clock.now();
  return { kind: "held", run: { record, condition: { kind: "unchanged", etag: found.etag }, clockOffsetMs } };
}

/** The record as JSON, gateway by gateway: of ten thousand it is megabytes. The same each time, whatever is set later. */
function runText({ gateways, ...record }: Readonly<RunRecord>): BlobText {
  const head = `${JSON.stringify(record).slice(0, -1)},"gateways":[`;
  const texts = gateways.texts();
  return function* parts() {
    yield head;
    for (const [i, text] of texts.entries()) yield i === 0 ? text : `,${text}`;
    yield "]}";
  };
}

export async function writeRun(
  storage: StorageTerms,
  { condition }: HeldRun,
  record: RunRecord,
): Promise<RunAccess> {
  const written = await writeBlob(storage, runName(record.id), runText(record), condition);
  if (written.kind !== "written") return written;
  const clockOffsetMs = written.now - storage.clock.now();
  return {
    kind: "held",
    run: { record, condition: { kind: "unchanged", etag: written.etag }, clockOffsetMs },
  };
}

/** Says that this runner is at it now. */
export function claimRun(storage: StorageTerms, run: HeldRun, driver: string): Promise<RunAccess> {
  const now = storage.clock.now() + run.clockOffsetMs;
  const { record } = run;
  return writeRun(storage, run, {
    ...record,
    driver,
    drivenUntil: now + drivingMs(storage),
    drives: record.drives + 1,
  });
}

function parse(text: string): RunRecord | undefined {
  try {
    const record = runRecord.parse(JSON.parse(text));
    return { ...record, gateways: keepGateways(record.gateways) };
  } catch {
    return undefined;
  }
}

export const runOf = ({ id, trigger, reason, requestedBy, mode, takeOwnership }: RunRecord): Run => ({
  id,
  trigger,
  reason,
  requestedBy,
  mode,
  takeOwnership,
});
