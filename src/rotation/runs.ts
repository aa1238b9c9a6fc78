import { z } from "zod";
import type { CallProblem } from "../domain/attempt.ts";
import type { BlobCondition } from "../domain/blobStore.ts";
import type { Run } from "../domain/events.ts";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Gateway } from "../domain/target.ts";
import { readBlob, type StorageTerms, writeBlob } from "./conditionalWrite.ts";

/**
 * A run as it is kept: its gateways with their destinations and terms, so that it can be finished even when the
 * configuration has changed or is broken meanwhile. Times are milliseconds since 1970 by storage's clock.
 */
const time = z.int().nonnegative();

const runGateway = z.strictObject({
  name: z.string(),
  resourceId: z.string(),
  vaultUrl: z.string(),
  secretName: z.string(),
  expireAfterDays: z.number().optional(),
  rotateEveryDays: z.number().optional(),
  /** `open`: to be rotated. `owed`: settled, and a look at its commit is owed from `at` on. `done`: both. */
  state: z.enum(["open", "owed", "done"]),
  at: time,
  /** How it came out last, for people. */
  outcome: z.nullable(
    z.strictObject({
      kind: z.string(),
      code: z.string().optional(),
      message: z.string().optional(),
      secretVersion: z.string().optional(),
    }),
  ),
});

const runRecord = z.strictObject({
  schema: z.literal(1),
  id: z.string().min(1),
  trigger: z.enum(["schedule", "http", "resume"]),
  reason: z.string(),
  requestedBy: z.string(),
  mode: z.enum(["standard", "compromised"]),
  takeOwnership: z.boolean(),
  createdAt: time,
  /** Until then somebody is driving it: resume leaves it alone. */
  drivenUntil: time,
  /** How often it was driven; the pauses between grow with it. */
  drives: z.int().nonnegative(),
  /** When there is something to do again. */
  resumeAt: time,
  gateways: z.array(runGateway),
});

export type RunRecord = z.infer<typeof runRecord>;
export type RunGateway = RunRecord["gateways"][number];

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

export const runName = (id: string): string => `runs/${id}.json`;
export const markerName = (id: string): string => `open/${id}`;
export const markerPrefix = "open/";

/** How long a driver that says nothing is believed to be at it. Not a lock: each gateway's claim is. */
export const drivingMs = ({ callTimeoutMs }: StorageTerms): number => 4 * callTimeoutMs;

/**
 * Writes down a run before anything is done for it: first the marker by which resume finds it, then the run. A run
 * of that id that exists already is held instead.
 */
export async function createRun(
  storage: StorageTerms,
  run: Run,
  gateways: readonly Gateway[],
): Promise<RunAccess> {
  const marker = await writeBlob(
    storage,
    markerName(run.id),
    JSON.stringify({ createdAt: storage.clock.now() }),
    { kind: "absent" },
  );
  if (marker.kind === "failed") return marker;
  const now = marker.kind === "written" ? marker.now : storage.clock.now();
  const record: RunRecord = {
    schema: 1,
    ...run,
    createdAt: now,
    drivenUntil: now + drivingMs(storage),
    drives: 0,
    resumeAt: now,
    gateways: gateways.map(({ name, target, secret, expireAfterDays, rotateEveryDays }) => ({
      name,
      resourceId: target.resourceId,
      ...secret,
      ...(expireAfterDays === undefined ? {} : { expireAfterDays }),
      ...(rotateEveryDays === undefined ? {} : { rotateEveryDays }),
      state: "open",
      at: now,
      outcome: null,
    })),
  };
  const created = await writeRun(
    storage,
    { record, condition: { kind: "absent" }, clockOffsetMs: 0 },
    record,
  );
  return created.kind === "lost" ? readRun(storage, run.id) : created;
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

export async function writeRun(
  storage: StorageTerms,
  { condition }: HeldRun,
  record: RunRecord,
): Promise<RunAccess> {
  const written = await writeBlob(storage, runName(record.id), JSON.stringify(record), condition);
  if (written.kind !== "written") return written;
  const clockOffsetMs = written.now - storage.clock.now();
  return {
    kind: "held",
    run: { record, condition: { kind: "unchanged", etag: written.etag }, clockOffsetMs },
  };
}

/** Says that this runner is at it now. */
export function claimRun(storage: StorageTerms, run: HeldRun): Promise<RunAccess> {
  const now = storage.clock.now() + run.clockOffsetMs;
  const { record } = run;
  return writeRun(storage, run, {
    ...record,
    drivenUntil: now + drivingMs(storage),
    drives: record.drives + 1,
  });
}

function parse(text: string): RunRecord | undefined {
  try {
    return runRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The gateway as it was when the run was created. */
export function gatewayOf(kept: RunGateway): Gateway {
  const parsed = parseResourceId(kept.resourceId);
  if (parsed.kind !== "target") throw new TypeError(`A run names what is no target: ${kept.resourceId}`);
  const { name, vaultUrl, secretName, expireAfterDays, rotateEveryDays } = kept;
  return { name, target: parsed.target, secret: { vaultUrl, secretName }, expireAfterDays, rotateEveryDays };
}

export const runOf = ({ id, trigger, reason, requestedBy, mode, takeOwnership }: RunRecord): Run => ({
  id,
  trigger,
  reason,
  requestedBy,
  mode,
  takeOwnership,
});
