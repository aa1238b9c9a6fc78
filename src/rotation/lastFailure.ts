import type { CallTrace, KeyWorks } from "../domain/attempt.ts";
import { hasTwoKeys } from "../domain/target.ts";
import { emptyJournal, type Journal, type LastFailure, lastAttempt } from "../journal/journal.ts";
import { keyWorksBy, worst } from "../journal/journalSummary.ts";
import type { HeldJournal } from "../journal/journals.ts";
import type { Context } from "./context.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";

/**
 * Whether the published key works after an outcome. Pure.
 *
 * @param journal as it was read before the outcome; undefined: there is none, or it could not be read
 */
export function keyWorksAfter(outcome: RotationOutcome, journal: Journal | undefined): KeyWorks {
  const { gateway } = outcome;
  const before = keyWorksBy(gateway, journal);
  switch (outcome.kind) {
    case "rotated":
      return outcome.isSuspect ? "unknown" : true;
    case "skipped":
    case "pending":
      // Another runner may regenerate the only key just now.
      return outcome.reason === "overtaken" && !hasTwoKeys(gateway.target)
        ? worst(before, "unknown")
        : before;
    case "failed":
      return outcome.isKeyDead === true ? false : worst(before, afterEffect(outcome));
  }
}

/** A rotation of a two-key gateway does not touch the published key, whatever becomes of the other one. */
function afterEffect({ effect, gateway }: FailedRotation): KeyWorks {
  if (hasTwoKeys(gateway.target) || effect === "unchanged") return true;
  return effect === "applied" ? false : "unknown";
}

/**
 * Records a failure in the gateway's journal, for the operator. It is never in the way of a rotation: an intent that
 * another runner has claimed is left alone, and a write that fails or loses is not repeated.
 */
export async function recordFailure(
  { services, gateway, journals }: Context,
  outcome: FailedRotation,
  keyWorks: KeyWorks,
): Promise<void> {
  const read = await journals.read(gateway);
  if (read.kind !== "read") return;
  const { held } = read;
  const journal = held.journal ?? emptyJournal(gateway);
  const now = services.clock.now() + held.clockOffsetMs;
  const { intent, failure } = journal;
  const { code, effect, message, nextAction, trace } = outcome;
  const isOurs = intent !== null && lastAttempt(intent).clientRequestId === trace?.clientRequestId;
  if (intent !== null && intent.claimedUntil > now && !isOurs) return;
  // A gateway that fails for days is written once.
  if (failure?.code === code && failure.effect === effect && failure.keyWorks === keyWorks) return;
  const recorded: LastFailure = { at: now, code, effect, message, nextAction, keyWorks, ...idsOf(trace) };
  await journals.write(gateway, held, { ...journal, failure: recorded });
}

/** A tick found that the gateway needs nothing: what failed before is over. A write that fails or loses is not repeated. */
export async function forgetFailure({ gateway, journals }: Context, held: HeldJournal): Promise<void> {
  const { journal } = held;
  if (journal?.failure != null) await journals.write(gateway, held, { ...journal, failure: null });
}

/** The ids by which Azure's support finds an attempt; undefined: not known. */
export const idsOf = ({ clientRequestId, requestId, correlationRequestId }: Partial<CallTrace> = {}) => ({
  clientRequestId,
  requestId,
  correlationRequestId,
});
