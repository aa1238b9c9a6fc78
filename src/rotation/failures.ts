import type { CallProblem } from "../domain/attempt.ts";
import { gatewayKinds } from "../domain/gatewayKinds.ts";
import { describeWithoutMessage } from "../domain/redacted.ts";
import { type Gateway, hasTwoKeys, type KeySlot, requiredActions } from "../domain/target.ts";
import { earlierAttempt, type FailureMeaning, failureTable, type TextByKind } from "./failureTable.ts";
import type { Attempt } from "./newVersion.ts";
import type { Refusal } from "./nextStep.ts";
import type { FailedRotation } from "./outcome.ts";

/** Each way in which a rotation fails. What the failures mean is in failureTable.ts. */

/** The latest version of the secret, or the deleted secret, could not be read. */
export const vaultUnreadable = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.vaultUnreadable, gateway, problem);

/** The blob is not a journal of this gateway that this version of the system understands. */
export const journalUnreadable = (
  gateway: Gateway,
  { blob, why }: { readonly blob: string; readonly why: string },
): FailedRotation => failed(failureTable.journalUnreadable, gateway, `${blob}: ${why}.`);

/** The journal could not be read or written; in a dry run, also a blob of the dry run's own. */
export const storageUnusable = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.storageUnusable, gateway, problem);

/** A rule of `nextStep` refuses to rotate the gateway. */
export const refusedByPolicy = (gateway: Gateway, { reason, message }: Refusal): FailedRotation =>
  failed(refusals[reason], gateway, message);

const refusals = {
  "other-deployment": failureTable.otherDeployment,
  "owned-by-certificate": failureTable.ownedByCertificate,
} as const satisfies Readonly<Record<Refusal["reason"], FailureMeaning>>;

/** The secret's name is taken by a deleted secret. */
export const secretSoftDeleted = (gateway: Gateway): FailedRotation => ({
  ...failed(failureTable.secretSoftDeleted, gateway),
  isKeyDead: true,
});

/** Which of a gateway's two keys the secret holds could not be found out. */
export const keysUnlistable = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.keysUnlistable, gateway, problem);

/** The vault refused the preflight. */
export const vaultTakesNoWrites = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.vaultTakesNoWrites, gateway, problem);

/** Of a dry run alone: a rotation leaves the gateways that it has no time for to `resumeRotations`. */
export const notChecked = (gateway: Gateway): FailedRotation => failed(failureTable.notChecked, gateway);

/** Of a dry run alone: a rotation replaces the dead key. */
export const publishedKeyDead = (gateway: Gateway): FailedRotation => ({
  ...failed(failureTable.publishedKeyDead, gateway),
  isKeyDead: true,
});

/** Of a dry run alone: the published key is dead, it may be, or a rotation is open. */
export const presentState = (
  gateway: Gateway,
  state: "keyDead" | "keyInDoubt" | "beingRotated",
): FailedRotation => failed(failureTable[state], gateway);

/** Of a dry run alone: the gateway itself could not be read. */
export const gatewayUnreadable = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.gatewayUnreadable, gateway, problem);

/** Of a dry run alone: an integration runtime without keys of its own. */
export const runtimeHasNoKeys = (gateway: Gateway, kind: "linked" | "managed"): FailedRotation =>
  failed(kind === "linked" ? failureTable.runtimeLinked : failureTable.runtimeManaged, gateway);

/** Of a dry run alone: it is not known whether the identity may regenerate the gateway's keys. */
export const permissionsUnreadable = (gateway: Gateway, problem: CallProblem): FailedRotation =>
  callFailed(failureTable.permissionsUnreadable, gateway, problem);

/**
 * Of a dry run alone.
 *
 * @param actions what the identity may not do, by Resource Manager's names
 */
export const permissionMissing = (gateway: Gateway, actions: readonly string[]): FailedRotation =>
  failed(failureTable.permissionMissing, gateway, `${actions.join(" and ")}.`);

/**
 * The attempts of one invocation made no key that the function has.
 *
 * @param kind the effect of all attempts of the rotation, not of the last one alone
 * @param problem the last attempt's
 */
export const notRegenerated = (
  gateway: Gateway,
  attempt: Attempt,
  { kind, problem }: { readonly kind: "unchanged" | "unknown"; readonly problem: CallProblem },
): FailedRotation => ({
  ...callFailed(
    kind === "unchanged" ? failureTable.regenerateRefused : failureTable.regenerateUnknown,
    gateway,
    problem,
  ),
  ...attempt,
});

/** A new key was made, and the vault did not confirm in time that it holds the key. */
export const keyUnstored = (gateway: Gateway, attempt: Attempt, problem: CallProblem): FailedRotation => ({
  ...callFailed(failureTable.keyUnstored, gateway, problem),
  ...attempt,
});

/** The same failure, where this run has regenerated and stored keys of the gateway before: mode compromised does. */
export const afterRotation = (failure: FailedRotation, slots: readonly KeySlot[]): FailedRotation => ({
  ...failure,
  message: `${failure.message} Before that, this run regenerated ${slots.join(" and ")} and stored it.`,
});

/** The same failure, where an earlier attempt of the rotation may have changed the key. */
export function inDoubt(failure: FailedRotation): FailedRotation {
  const { effect, message, nextAction } = earlierAttempt;
  return {
    ...failure,
    effect,
    final: false,
    message: `${failure.message} ${message}`,
    nextAction: `${textFor(nextAction, failure.gateway)} ${failure.nextAction}`,
  };
}

/** A defect of this system. It may have occurred after a request was sent, so the effect is `unknown`. */
export const unexpected = (gateway: Gateway, error: unknown): FailedRotation =>
  failed(failureTable.unexpected, gateway, describeWithoutMessage(error));

/** A failure that a call's problem caused. */
function callFailed(meaning: FailureMeaning, gateway: Gateway, problem: CallProblem): FailedRotation {
  const { byCause, ifTransient, nextAction, final } = meaning;
  const action = byCause?.[problem.code] ?? (problem.transient ? ifTransient : undefined) ?? nextAction;
  return {
    ...failed(meaning, gateway, problem.message),
    code: meaning.code.replace("{cause}", problem.code),
    final: final === "unless the cause is transient" ? !problem.transient : final,
    refusedByRole: problem.code === "forbidden",
    nextAction: textFor(action, gateway),
  };
}

function failed(meaning: FailureMeaning, gateway: Gateway, detail?: string): FailedRotation {
  const message = textFor(meaning.message, gateway);
  return {
    kind: "failed",
    gateway,
    code: meaning.code,
    effect: meaning.effect,
    final: meaning.final === true,
    message: detail === undefined ? message : `${message} ${detail}`,
    nextAction: textFor(meaning.nextAction, gateway),
  };
}

/** Reads of the gateway only what the text needs, since `unexpected` may be about a gateway that is itself broken. */
function textFor(text: TextByKind, gateway: Gateway): string {
  const ofKind = typeof text === "string" ? text : hasTwoKeys(gateway.target) ? text.twoKeys : text.oneKey;
  return ofKind.replace(/\{\w+\}/g, (name) => placeholders[name]?.(gateway) ?? name);
}

const placeholders: Readonly<Record<string, (gateway: Gateway) => string>> = {
  "{secret}": ({ secret: { secretName, vaultUrl } }) => `${secretName} in ${vaultUrl}`,
  "{secretName}": ({ secret }) => secret.secretName,
  "{vault}": ({ secret }) => secret.vaultUrl,
  "{parent}": ({ target }) => gatewayKinds[target.kind].parentTitle,
  "{permissions}": ({ target }) => requiredActions(target).join(" and "),
};
