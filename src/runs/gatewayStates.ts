import type { Failed } from "../domain/attempt.ts";
import type { EventData } from "../domain/rotationEvents.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import { journalName } from "../journal/journal.ts";
import { type JournalSummary, type ReadSummaries, readSummaries } from "../journal/journalSummary.ts";

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
function isOverdue(
  { rotatedAt, dueAt = Number.POSITIVE_INFINITY }: JournalSummary,
  now: number,
  gateway: Gateway,
  nextTick: NextTick,
): boolean {
  if (rotatedAt === undefined || dueAt >= now) return false;
  const tick = nextTick(gateway, rotatedAt, rotatedAt);
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

/**
 * Counts the gateways by their journals, for the heartbeat. A gateway that was never rotated counts as overdue.
 *
 * @param configured the gateways to count; undefined if the configuration is broken: every journal counts
 */
export function backlogOf(
  { summaries, now }: Extract<ReadSummaries, { kind: "read" }>,
  configured: readonly Gateway[] | undefined,
  nextTick: NextTick,
): EventData["RotationHeartbeat"] {
  const all = [...summaries.values()];
  const counted = configured?.map((gateway) => summaries.get(journalName(gateway))) ?? all;
  const overdue =
    configured?.filter((gateway) => {
      const summary = summaries.get(journalName(gateway));
      return summary?.rotatedAt === undefined || isOverdue(summary, now, gateway, nextTick);
    }) ??
    all.filter(({ rotatedAt, dueAt = Number.POSITIVE_INFINITY }) => rotatedAt === undefined || dueAt < now);
  const expiries = counted.flatMap((summary) => summary?.expiresAt ?? []);
  return {
    gateways: counted.length,
    overdue: overdue.length,
    // Resume also finishes rotations of gateways that are no longer configured.
    unfinished: all.filter(({ openFor }) => openFor !== undefined).length,
    earliestExpiry: expiries.length === 0 ? undefined : new Date(expiries.reduce((a, b) => Math.min(a, b))),
  };
}
