import type { KeyWorks } from "../domain/attempt.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { type Gateway, hasTwoKeys } from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";
import { keyWorksBy, keyWorksUnread, worst } from "../journal/journalSummary.ts";
import type { KeyState, RotationOutcome } from "./outcome.ts";

/** What was read of a gateway; `latest` undefined: the vault could not be read. */
export interface ReadState {
  readonly journal: Journal;
  readonly latest: LatestVersion | undefined;
}

/**
 * Whether the published key works, as far as the journal and the latest version show. When the latest version was read,
 * a recorded failure counts only if it shows that the key is dead. Pure.
 */
export function keyWorksNow(
  gateway: Gateway,
  { journal, latest }: ReadState,
  isDead = isDeadBy(journal),
): KeyWorks {
  if (isDead) return false;
  if (latest === undefined) return keyWorksUnread(gateway, journal);
  const works = keyWorksBy(gateway, { ...journal, failure: null });
  return journal.commit === null ? works : worst(works, byVersion(journal.commit, latest));
}

const isDeadBy = ({ failure }: Journal): boolean => failure?.isKeyDead === true;

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
  const isTouched = read.journal.commit !== null || isInDoubt || (isOnlyKey && read.journal.intent !== null);
  return { works, isAtRisk: works === false || (works === "unknown" && isTouched) };
}

/** Whether the service is known not to have the published key. A rotation of a two-key gateway does not touch that key. */
export function isDeadAfter(outcome: RotationOutcome, { journal, latest }: ReadState): boolean {
  if (outcome.kind === "failed" && outcome.effect === "applied" && !hasTwoKeys(outcome.gateway.target))
    return true;
  // Without an enabled version no key was compared. `isKeyDead` then means that consumers cannot read the version, which
  // may have changed by the next step.
  const isCompared = latest?.kind === "enabled" && (outcome.kind === "failed" || outcome.kind === "pending");
  return (isCompared ? outcome.isKeyDead : undefined) ?? isDeadBy(journal);
}
