import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { CallProblem } from "../domain/attempt.ts";
import type { BlobMetadata } from "../domain/blobStore.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "./conditionalWrite.ts";
import { journalName } from "./journal.ts";
import { isPastDue, type JournalSummary, readSummaries } from "./journalSummary.ts";
import { markerPrefix } from "./runs.ts";

/** The state of all gateways, as the heartbeat tells it. */
export interface Backlog {
  readonly gateways: number;
  readonly overdue: number;
  readonly unfinished: number;
  readonly earliestExpiry: Date | undefined;
}

export type ReadBacklog =
  | { readonly kind: "read"; readonly backlog: Backlog }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** What a tick knows that has found no open run. */
export interface Idle {
  /** Milliseconds since 1970 by storage's clock. */
  readonly now: number;
  /** What an idle tick before it has kept. */
  readonly kept: BlobMetadata | undefined;
}

/** Beside the markers of open runs: the list that looks for those tells what is kept here, and costs no more. */
export const backlogName = `${markerPrefix}.backlog`;

/** Whether the name of a blob says that a run is open. */
export const isMarker = (name: string): boolean => name.startsWith(markerPrefix) && name !== backlogName;

/** For so long the journals are not listed again while nothing is under way, in milliseconds. */
const keptForMs = 3_600_000;

const whole = z.int().check(z.nonnegative());

const keptBacklog = z.strictObject({
  /** The gateways that it is the state of. */
  of: z.string(),
  /** Milliseconds since 1970 by storage's clock, and so is the expiry. */
  until: whole,
  gateways: whole,
  overdue: whole,
  earliestExpiry: z.optional(whole),
});

type KeptBacklog = z.infer<typeof keptBacklog>;

/**
 * The state of all gateways from their journals' summaries. One that was never rotated is overdue, too.
 *
 * A run that changes a journal is open until its check, and so for some tick to see. Where none is open, what was
 * read of the journals is kept until a gateway becomes overdue: whatever the number of gateways, an idle tick then
 * costs one call. Whatever is missed (a journal removed by hand, a call that lands late), nothing is believed for
 * longer than an hour after it was read.
 *
 * @param configured whose journals count; undefined where nobody knows, and every journal does
 * @param idle undefined while a run is open
 */
export async function readBacklog(
  storage: StorageTerms,
  configured: readonly Gateway[] | undefined,
  idle: Idle | undefined,
): Promise<ReadBacklog> {
  const names = configured?.map(journalName);
  const of = createHash("sha256")
    .update(names?.join() ?? "every journal")
    .digest("base64");
  const known = parseKept(idle?.kept);
  if (known?.of === of && idle !== undefined && idle.now < known.until && known.until <= idle.now + keptForMs)
    return { kind: "read", backlog: backlogFrom(known, 0) };

  const read = await readSummaries(storage);
  if (read.kind === "failed") return read;
  const all = [...read.summaries.values()];
  const summaries = names?.map((name) => read.summaries.get(name)) ?? all;
  const stillDue = summaries.flatMap((summary) => summary?.dueAt ?? []).filter((dueAt) => dueAt >= read.now);
  const counted: KeptBacklog = {
    of,
    until: earliest([read.now + keptForMs, ...stillDue]) ?? 0,
    gateways: summaries.length,
    overdue: summaries.filter((summary) => isOverdue(summary, read.now)).length,
    earliestExpiry: earliest(summaries.flatMap((summary) => summary?.expiresAt ?? [])),
  };
  // Whoever is taken out of the configuration is finished all the same.
  const unfinished = all.filter((summary) => summary.unfinished).length;
  if (idle !== undefined && unfinished === 0) await keep(storage, idle, counted);
  return { kind: "read", backlog: backlogFrom(counted, unfinished) };
}

const isOverdue = (summary: JournalSummary | undefined, now: number): boolean =>
  summary?.rotatedAt === undefined || isPastDue(summary, now);

const backlogFrom = ({ gateways, overdue, earliestExpiry }: KeptBacklog, unfinished: number): Backlog => ({
  gateways,
  overdue,
  unfinished,
  earliestExpiry: earliestExpiry === undefined ? undefined : new Date(earliestExpiry),
});

/** Should it come to nothing, the next tick lists the journals again. */
async function keep({ blobs }: StorageTerms, { kept }: Idle, backlog: KeptBacklog): Promise<void> {
  if (kept !== undefined) await blobs.remove(backlogName);
  await blobs.write(backlogName, "", { kind: "absent" }, { backlog: JSON.stringify(backlog) });
}

function parseKept(kept: BlobMetadata | undefined): KeptBacklog | undefined {
  try {
    return keptBacklog.parse(JSON.parse(kept?.["backlog"] ?? "null"));
  } catch {
    return undefined;
  }
}

const earliest = (times: readonly number[]): number | undefined =>
  times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
