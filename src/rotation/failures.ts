import { type CallProblem, idsOf } from "../domain/attempt.ts";
import { gatewayKinds } from "../domain/gatewayKinds.ts";
import { type Gateway, hasTwoKeys, type KeySlot, requiredActions } from "../domain/target.ts";
import { lastAttempt } from "../journal/journal.ts";
import type { HeldJournal } from "../journal/journals.ts";
import type { Context } from "./context.ts";
import { earlierAttempt, type FailureMeaning, failureTable, type TextByKind } from "./failureTable.ts";
import { isDeadAfter, keyAfter, type ReadState } from "./keyState.ts";
import type { Refusal } from "./nextStep.ts";
import type { FailedRotation } from "./outcome.ts";

/**
 * A failure, as its row of the failure table describes it.
 *
 * @param cause the problem of the call that failed, or another detail in words
 */
export function failure(
  row: keyof typeof failureTable,
  gateway: Gateway,
  cause?: CallProblem | string,
): FailedRotation {
  const meaning: FailureMeaning = failureTable[row];
  const problem = typeof cause === "string" ? undefined : cause;
  const detail = typeof cause === "string" ? cause : cause?.message;
  const ofCause =
    (problem && meaning.byCause?.[problem.code]) ?? (problem?.transient ? meaning.ifTransient : undefined);
  const message = textFor(meaning.message, gateway);
  return {
    kind: "failed",
    gateway,
    code: meaning.code.replace("{cause}", problem?.code ?? ""),
    effect: meaning.effect,
    final: typeof meaning.final === "boolean" ? meaning.final : problem?.transient === false,
    isKeyDead: meaning.isKeyDead,
    refusedByRole: problem?.code === "forbidden",
    message: detail === undefined ? message : `${message} ${detail}`,
    nextAction: textFor(ofCause ?? meaning.nextAction, gateway),
  };
}

/** The failure of a gateway that a rule of `nextStep` refuses to rotate. */
export const refusedByPolicy = (gateway: Gateway, { reason, message }: Refusal): FailedRotation =>
  failure(reason === "other-deployment" ? "otherDeployment" : "ownedByCertificate", gateway, message);

/** The same failure, when this run has already regenerated and stored keys of the gateway, as mode compromised does. */
export const afterRotation = (failure: FailedRotation, slots: readonly KeySlot[]): FailedRotation => ({
  ...failure,
  message: `${failure.message} Before that, this run regenerated ${slots.join(" and ")} and stored it.`,
});

/** The same failure, when an earlier attempt of the rotation may have changed the key. */
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

/** Reads only those fields of the gateway that the text needs, since the gateway itself may be the defect. */
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

/**
 * Records a failure in the gateway's journal, for the operator. It must not disturb a rotation: it writes nothing while
 * another runner holds the claim, or if a rotation was committed since, and it does not repeat a write that is lost.
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
  const { journal } = held;
  const now = services.clock.now() + held.clockOffsetMs;
  const { intent, failure: earlier, commit } = journal;
  const { code, effect, message, nextAction, trace } = outcome;
  if (before !== undefined && (before.journal.commit?.sequence ?? 0) !== (commit?.sequence ?? 0)) return;
  const isOurs = intent !== null && lastAttempt(intent).clientRequestId === trace?.clientRequestId;
  if (intent !== null && intent.claimedUntil > now && !isOurs) return;
  const known = { journal, latest: before?.latest };
  const { works: keyWorks } = keyAfter(outcome, known);
  const isKeyDead = isDeadAfter(outcome, known) || undefined;
  const isRecorded =
    earlier?.code === code &&
    earlier.effect === effect &&
    earlier.keyWorks === keyWorks &&
    earlier.isKeyDead === isKeyDead;
  // A gateway that fails for days in the same way is recorded once.
  if (isRecorded) return;
  const recorded = { at: now, code, effect, message, nextAction, keyWorks, isKeyDead, ...idsOf(trace) };
  await journals.write(gateway, held, { ...journal, failure: recorded });
}

/** Clears the last failure after a tick that found nothing to do. It does not repeat a write that is lost. */
export async function forgetFailure({ gateway, journals }: Context, held: HeldJournal): Promise<void> {
  const { journal } = held;
  if (journal.failure !== null) await journals.write(gateway, held, { ...journal, failure: null });
}
