import type { Failed } from "../domain/attempt.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import { journalName } from "../journal/journal.ts";
import {
  isPastDue,
  type JournalSummary,
  type ReadSummaries,
  readSummaries,
} from "../journal/journalSummary.ts";

/** A configured gateway, and what its journal shows. */
export interface GatewayState extends Partial<Omit<JournalSummary, "openFor" | "verifyFor" | "hostCheckAt">> {
  readonly gateway: Gateway;
  readonly state: "never-rotated" | "rotating" | "failed" | "overdue" | "rotated";
  /** Undefined: its window contains no tick. */
  readonly nextTick: Date | undefined;
}

export type ReadStates = { readonly kind: "read"; readonly states: readonly GatewayState[] } | Failed;

/** The first tick after `now` that rotates the gateway. `rotatedAt`: its last rotation. Milliseconds since 1970. */
type NextTick = (gateway: Gateway, rotatedAt: number | undefined, now: number) => Date | undefined;

/** A gateway is overdue once a tick should have rotated it. Before that tick it waits for the schedule or its window. */
function isOverdue(summary: JournalSummary, now: number, gateway: Gateway, nextTick: NextTick): boolean {
  if (summary.rotatedAt === undefined || !isPastDue(summary, now)) return false;
  const tick = nextTick(gateway, summary.rotatedAt, summary.rotatedAt);
  return tick !== undefined && tick.getTime() < now;
}

/** The state of each of these gateways, in their order, from one list of the journals. */
export async function readGatewayStates(
  storage: StorageTerms,
  gateways: readonly Gateway[],
  nextTick: NextTick,
): Promise<ReadStates> {
  const read = await readSummaries(storage);
  if (read.kind === "failed") return read;
  const { summaries, now } = read;

  function stateOf(gateway: Gateway, summary: JournalSummary | undefined): GatewayState["state"] {
    if (summary?.failure !== undefined) return "failed";
    if (summary?.openFor !== undefined) return "rotating";
    if (summary?.rotatedAt === undefined) return "never-rotated";
    return isOverdue(summary, now, gateway, nextTick) ? "overdue" : "rotated";
  }

  const states = gateways.map((gateway): GatewayState => {
    const summary = summaries.get(journalName(gateway));
    const state = stateOf(gateway, summary);
    return { ...summary, gateway, state, nextTick: nextTick(gateway, summary?.rotatedAt, now) };
  });
  return { kind: "read", states };
}

/** The state of all gateways, as the heartbeat reports it. */
export interface Backlog {
  readonly gateways: number;
  readonly overdue: number;
  readonly unfinished: number;
  /** The first moment at which a published key expires; undefined if no version has an expiry. */
  readonly earliestExpiry: Date | undefined;
}

/**
 * Counts the gateways by their journals. A gateway that was never rotated counts as overdue.
 *
 * @param configured the gateways to count; undefined if the configuration is broken: every journal counts
 */
export function backlogOf(
  { summaries, now }: Extract<ReadSummaries, { kind: "read" }>,
  configured: readonly Gateway[] | undefined,
  nextTick: NextTick,
): Backlog {
  const all = [...summaries.values()];
  const counted = configured?.map((gateway) => summaries.get(journalName(gateway))) ?? all;
  const overdue =
    configured?.filter((gateway) => {
      const summary = summaries.get(journalName(gateway));
      return summary?.rotatedAt === undefined || isOverdue(summary, now, gateway, nextTick);
    }) ?? all.filter((each) => each.rotatedAt === undefined || isPastDue(each, now));
  const expiries = counted.flatMap((summary) => summary?.expiresAt ?? []);
  return {
    gateways: counted.length,
    overdue: overdue.length,
    // Resume also finishes rotations of gateways that are no longer configured.
    unfinished: all.filter(({ openFor }) => openFor !== undefined).length,
    earliestExpiry: expiries.length === 0 ? undefined : new Date(expiries.reduce((a, b) => Math.min(a, b))),
  };
}
