import type { CallProblem } from "../domain/attempt.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import { journalName } from "../journal/journal.ts";
import { isPastDue, type JournalSummary, readSummaries } from "../journal/journalSummary.ts";

/** A configured gateway, and what its journal shows. */
export interface GatewayState extends Partial<Omit<JournalSummary, "unfinished">> {
  readonly gateway: Gateway;
  readonly state: "never-rotated" | "rotating" | "overdue" | "rotated";
}

export type ReadStates =
  | { readonly kind: "read"; readonly states: readonly GatewayState[] }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** The state of each of these gateways, in their order, from one list of the journals. */
export async function readGatewayStates(
  storage: StorageTerms,
  gateways: readonly Gateway[],
): Promise<ReadStates> {
  const read = await readSummaries(storage);
  if (read.kind === "failed") return read;
  const states = gateways.map((gateway): GatewayState => {
    const summary = read.summaries.get(journalName(gateway));
    return summary === undefined
      ? { gateway, state: "never-rotated" }
      : { ...summary, gateway, state: stateOf(summary, read.now) };
  });
  return { kind: "read", states };
}

function stateOf(summary: JournalSummary, now: number): GatewayState["state"] {
  if (summary.unfinished) return "rotating";
  if (summary.rotatedAt === undefined) return "never-rotated";
  return isPastDue(summary, now) ? "overdue" : "rotated";
}
