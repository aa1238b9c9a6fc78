import type { CallTrace, KeyWorks } from "../domain/attempt.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { type Gateway, hasTwoKeys } from "../domain/target.ts";
import { emptyJournal, type Journal, lastAttempt } from "../journal/journal.ts";
import { keyWorksBy, keyWorksUnread, worst } from "../journal/journalSummary.ts";
import type { HeldJournal } from "../journal/journals.ts";
import type { Context } from "./context.ts";
import type { FailedRotation, KeyState, RotationOutcome } from "./outcome.ts";

/** What was read of a gateway; `latest` undefined: the vault could not be read. */
export interface ReadState {
  /** Undefined: the gateway has none. */
  readonly journal: Journal | undefined;
  readonly latest: LatestVersion | undefined;
}

/**
 * Whether the published key works, as far as the journal and the latest version show. When the latest version was read,
 * a recorded failure counts only if it says that the service does not have the key. Pure.
 */
export function keyWorksNow(
  gateway: Gateway,
  { journal, latest }: ReadState,
  isDead = isDeadBy(journal),
): KeyWorks {
  if (isDead) return false;
  if (journal === undefined || latest === undefined) return keyWorksUnread(gateway, journal);
  const works = keyWorksBy(gateway, { ...journal, failure: null });
  return journal.commit === null ? works : worst(works, byVersion(journal.commit, latest));
}

const isDeadBy = (journal: Journal | undefined): boolean => journal?.failure?.isKeyDead === true;

/** Consumers cannot read a version that is disabled or gone. Nothing shows that a foreign version's key works. */
function byVersion(commit: NonNullable<Journal["commit"]>, latest: LatestVersion): KeyWorks {
  if (latest.kind !== "enabled") return false;
  return latest.secret.version === commit.version ? true : "unknown";
}

/** The state of the published key after an outcome. `read`: what was read before it. Pure. */
export function keyAfter(outcome: RotationOutcome, read: ReadState): KeyState {
  if (outcome.kind === "rotated")
    return { works: outcome.isSuspect ? "unknown" : true, isAtRisk: outcome.isSuspect };
  const { gateway } = outcome;
  const isOnlyKey = !hasTwoKeys(gateway.target);
  // The faster runner may be regenerating the only key at this moment.
  const isInDoubt =
    isOnlyKey &&
    (outcome.kind === "failed" ? outcome.effect !== "unchanged" : outcome.reason === "overtaken");
  const isUnusable = outcome.kind !== "skipped" && outcome.isKeyDead === true;
  const before = keyWorksNow(gateway, read, isUnusable || isDeadAfter(outcome, read));
  const works = isInDoubt ? worst(before, "unknown") : before;
  // Nothing is known about the key of a gateway that was never rotated. That alone is no risk.
  const isTouched = read.journal?.commit != null || isInDoubt || (isOnlyKey && read.journal?.intent != null);
  return { works, isAtRisk: works === false || (works === "unknown" && isTouched) };
}

/** Whether the service is known not to have the published key. A rotation of a two-key gateway does not touch that key. */
function isDeadAfter(outcome: RotationOutcome, { journal, latest }: ReadState): boolean {
  if (outcome.kind === "failed" && outcome.effect === "applied" && !hasTwoKeys(outcome.gateway.target))
    return true;
  // Without an enabled version no key was compared. `isKeyDead` then says that consumers cannot read the version, which
  // may have changed by the next step.
  const isCompared = latest?.kind === "enabled" && (outcome.kind === "failed" || outcome.kind === "pending");
  return (isCompared ? outcome.isKeyDead : undefined) ?? isDeadBy(journal);
}

/**
 * Records a failure in the gateway's journal, for the operator. A rotation comes first: this function writes nothing
 * while another runner holds the claim, or when a rotation was committed since, and it repeats no write that fails or is
 * lost.
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
  const known = { journal: held.journal, latest: before?.latest };
  const { works: keyWorks } = keyAfter(outcome, known);
  const isKeyDead = isDeadAfter(outcome, known) || undefined;
  const isRecorded =
    failure?.code === code &&
    failure.effect === effect &&
    failure.keyWorks === keyWorks &&
    failure.isKeyDead === isKeyDead;
  // A gateway that fails for days in the same way is recorded once.
  if (isRecorded) return;
  const recorded = { at: now, code, effect, message, nextAction, keyWorks, isKeyDead, ...idsOf(trace) };
  await journals.write(gateway, held, { ...journal, failure: recorded });
}

/** Clears the last failure after a tick that found nothing to do. It repeats no write that fails or is lost. */
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
