import type { CallTrace, KeyWorks } from "../domain/attempt.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { type Gateway, hasTwoKeys } from "../domain/target.ts";
import { emptyJournal, type Journal, type LastFailure, lastAttempt } from "../journal/journal.ts";
import { keyWorksBy, worst } from "../journal/journalSummary.ts";
import type { HeldJournal } from "../journal/journals.ts";
import type { Context } from "./context.ts";
import type { FailedRotation, KeyState, RotationOutcome } from "./outcome.ts";

/** What was read of a gateway; `latest` undefined: the vault could not be read. */
export interface ReadState {
  /** Undefined: the gateway has none. */
  readonly journal: Journal | undefined;
  readonly latest: LatestVersion | undefined;
}

/** Whether the published key works, by what was read of the gateway. Pure. */
export const keyWorksNow = (gateway: Gateway, { journal, latest }: ReadState): KeyWorks =>
  worst(keyWorksBy(gateway, journal), journal?.commit == null ? true : byVersion(journal.commit, latest));

/** Consumers cannot read a version that is disabled or gone. Nothing shows that a foreign version's key works. */
function byVersion(commit: NonNullable<Journal["commit"]>, latest: LatestVersion | undefined): KeyWorks {
  if (latest === undefined) return true;
  if (latest.kind !== "enabled") return false;
  return latest.secret.version === commit.version ? true : "unknown";
}

/** The published key after an outcome, by what was read before it. Pure. */
export function keyAfter(outcome: RotationOutcome, read: ReadState): KeyState {
  const works = worksAfter(outcome, keyWorksNow(outcome.gateway, read));
  const { gateway } = outcome;
  const effect = outcome.kind === "failed" ? outcome.effect : "unchanged";
  // Of a gateway that was never rotated nothing is known, which is no reason to worry yet.
  const isTouched =
    read.journal?.commit != null ||
    outcome.kind === "rotated" ||
    (!hasTwoKeys(gateway.target) &&
      (effect !== "unchanged" || read.journal?.intent != null || isOvertaken(outcome)));
  return { works, isAtRisk: works === false || (works === "unknown" && isTouched) };
}

function worksAfter(outcome: RotationOutcome, before: KeyWorks): KeyWorks {
  switch (outcome.kind) {
    case "rotated":
      return outcome.isSuspect ? "unknown" : true;
    case "skipped":
      return before;
    case "pending":
      if (outcome.isKeyDead === true) return false;
      return isOvertaken(outcome) && !hasTwoKeys(outcome.gateway.target) ? worst(before, "unknown") : before;
    case "failed":
      return outcome.isKeyDead === true ? false : worst(before, afterEffect(outcome));
  }
}

/** Another runner may regenerate the only key just now. */
const isOvertaken = (outcome: RotationOutcome): boolean =>
  outcome.kind === "pending" && outcome.reason === "overtaken";

/** A rotation of a two-key gateway does not touch the published key, whatever becomes of the other one. */
function afterEffect({ effect, gateway }: FailedRotation): KeyWorks {
  if (hasTwoKeys(gateway.target) || effect === "unchanged") return true;
  return effect === "applied" ? false : "unknown";
}

/**
 * Records a failure in the gateway's journal, for the operator. It is never in the way of a rotation: an intent that
 * another runner has claimed is left alone, a rotation that ended since is worth more than an older failure, and a write
 * that fails or loses is not repeated.
 *
 * @param before what was read before the failure; undefined: the journal could not be read
 */
export async function recordFailure(
  { services, gateway, journals }: Context,
  outcome: FailedRotation,
  before: ReadState | undefined,
): Promise<void> {
  const read = await journals.read(gateway);
  if (read.kind !== "read") return;
  const { held } = read;
  const journal = held.journal ?? emptyJournal(gateway);
  const now = services.clock.now() + held.clockOffsetMs;
  const { intent, failure, commit } = journal;
  const { code, effect, message, nextAction, trace } = outcome;
  if (before !== undefined && (before.journal?.commit?.sequence ?? 0) !== (commit?.sequence ?? 0)) return;
  const isOurs = intent !== null && lastAttempt(intent).clientRequestId === trace?.clientRequestId;
  if (intent !== null && intent.claimedUntil > now && !isOurs) return;
  const { works: keyWorks } = keyAfter(outcome, { journal: held.journal, latest: before?.latest });
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
