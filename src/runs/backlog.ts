import type { CallProblem } from "../domain/attempt.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import { journalName } from "../journal/journal.ts";
import { isPastDue, type JournalSummary, readSummaries } from "../journal/journalSummary.ts";

/** The state of all gateways, as the heartbeat reports it. */
export interface Backlog {
  readonly gateways: number;
  readonly overdue: number;
  readonly unfinished: number;
  /** The first moment at which a published key expires; undefined where no version has an expiry. */
  readonly earliestExpiry: Date | undefined;
}

export type ReadBacklog =
  | { readonly kind: "read"; readonly backlog: Backlog }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/**
 * Reads the state of all gateways from their journals' summaries: one list for 5,000 gateways. A gateway that was
 * never rotated is overdue, too.
 *
 * @param configured the gateways to count; undefined where the configuration is broken: every journal counts
 */
export async function readBacklog(
  storage: StorageTerms,
  configured: readonly Gateway[] | undefined,
): Promise<ReadBacklog> {
  const read = await readSummaries(storage);
  if (read.kind === "failed") return read;
  const all = [...read.summaries.values()];
  const summaries = configured?.map((gateway) => read.summaries.get(journalName(gateway))) ?? all;
  const expiries = summaries.flatMap((summary) => summary?.expiresAt ?? []);
  return {
    kind: "read",
    backlog: {
      gateways: summaries.length,
      overdue: summaries.filter((summary) => isOverdue(summary, read.now)).length,
      // A gateway that was taken out of the configuration is finished all the same.
      unfinished: all.filter((summary) => summary.unfinished).length,
      earliestExpiry: expiries.length === 0 ? undefined : new Date(expiries.reduce((a, b) => Math.min(a, b))),
    },
  };
}

const isOverdue = (summary: JournalSummary | undefined, now: number): boolean =>
  summary?.rotatedAt === undefined || isPastDue(summary, now);
