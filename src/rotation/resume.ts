import type { CallProblem } from "../domain/attempt.ts";
import { readBlob, type StorageTerms } from "./conditionalWrite.ts";
import { driveRun } from "./driveRun.ts";
import type { FailedRotation } from "./outcome.ts";
import type { RunResult } from "./rotateAll.ts";
import { claimRun, markerName, markerPrefix, readRun } from "./runs.ts";
import type { InvocationTerms, RotationServices } from "./services.ts";

export interface Resumed {
  /** Of all runs that were gone on with. */
  readonly result: RunResult;
  /** Runs that could not be gone on with, and why. */
  readonly problems: readonly string[];
}

/**
 * Goes on with every run that is not done and that nobody else is driving: intents left by a crash or a deadline,
 * gateways never begun, checks owed. An idle tick lists the markers and no more.
 */
export async function resumeRuns(
  services: RotationServices,
  storage: StorageTerms,
  terms: InvocationTerms,
): Promise<Resumed> {
  const failed: FailedRotation[] = [];
  const counts = { rotated: 0, skipped: 0, unsettled: 0 };
  const problems: string[] = [];
  const tell = (what: string, { message }: CallProblem) => problems.push(`${what}: ${message}`);

  const listed = await storage.blobs.list(markerPrefix);
  if (listed.kind === "failed") {
    tell("The open runs could not be listed", listed.problem);
    return { result: { ...counts, failed }, problems };
  }
  const settledMs = terms.functionTimeoutMs + terms.callTimeoutMs;
  async function isStale(name: string): Promise<boolean> {
    const marker = await readBlob(storage, name);
    return marker.kind === "found" && Number(JSON.parse(marker.text).createdAt) + settledMs < marker.now;
  }
  for (const { name } of listed.blobs) {
    const id = name.slice(markerPrefix.length);
    const read = await readRun(storage, id);
    if (read.kind === "failed") tell(`Run ${id} could not be read`, read.problem);
    else if (read.kind === "unreadable")
      problems.push(`Run ${id} cannot be understood; its blob ${read.blob} is left as it is.`);
    // Its creator has died before the run was written, and so before anything was done; or is about to write it.
    else if (read.kind === "none" && (await isStale(name))) await storage.blobs.remove(markerName(id));
    if (read.kind !== "held") continue;
    const now = services.clock.now() + read.run.clockOffsetMs;
    const { drivenUntil, resumeAt } = read.run.record;
    if (drivenUntil > now || resumeAt > now) continue;
    const claimed = await claimRun(storage, read.run);
    if (claimed.kind === "failed") tell(`Run ${id} could not be claimed`, claimed.problem);
    if (claimed.kind !== "held") continue;
    const outcome = await driveRun(services, storage, claimed.run, terms);
    if (outcome.kind === "failed") tell(`Run ${id} could not be written`, outcome.problem);
    if (outcome.kind !== "driven") continue;
    failed.push(...outcome.result.failed);
    counts.rotated += outcome.result.rotated;
    counts.skipped += outcome.result.skipped;
    counts.unsettled += outcome.result.unsettled;
  }
  return { result: { ...counts, failed }, problems };
}

export interface Backlog {
  readonly gateways: number;
  readonly overdue: number;
  readonly unfinished: number;
  readonly earliestExpiry: Date | undefined;
}

export type ReadBacklog =
  | { readonly kind: "read"; readonly backlog: Backlog }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** The state of all gateways from their journals' metadata: one list call per 5,000 of them. */
export async function readBacklog({ blobs }: StorageTerms): Promise<ReadBacklog> {
  const listed = await blobs.list("gateways/");
  if (listed.kind === "failed") return listed;
  const { now } = listed;
  const times = (name: string) =>
    listed.blobs.flatMap(({ metadata }) => (metadata[name] === undefined ? [] : [Number(metadata[name])]));
  const earliest = Math.min(...times("expires_at"));
  const backlog = {
    gateways: listed.blobs.length,
    overdue: times("due_at").filter((at) => at < now).length,
    unfinished: listed.blobs.filter(({ metadata }) => metadata["unfinished"] !== undefined).length,
    earliestExpiry: Number.isFinite(earliest) ? new Date(earliest) : undefined,
  };
  return { kind: "read", backlog };
}
