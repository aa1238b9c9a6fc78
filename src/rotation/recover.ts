import { type Redacted, sameKey } from "../domain/redacted.ts";
import { type SecretVersion, sequenceOf } from "../domain/secretStore.ts";
import { type AuthKeySlot, hasTwoKeys } from "../domain/target.ts";
import { emptyJournal, type Intent, type Journal, lastAttempt } from "../journal/journal.ts";
import { dueAfter } from "../journal/journalSummary.ts";
import type { HeldJournal } from "../journal/journals.ts";
import { type Context, type CurrentState, quietPeriodMs } from "./context.ts";
import { failure } from "./failures.ts";
import { committed } from "./intent.ts";
import type { NextStep } from "./nextStep.ts";
import { compared, publishedAs, readAgain, type StepOutcome } from "./outcome.ts";
import { listKeys, rotate, slotToRegenerate } from "./rotate.ts";

/** Commits a version that a crashed runner had stored, and reports that runner's rotation. */
export async function adopt(
  context: Context,
  held: HeldJournal,
  intent: Intent,
  secret: SecretVersion,
): Promise<StepOutcome> {
  const { gateway, services, terms, journals } = context;
  const sequence = sequenceOf(secret) ?? 1;
  const last = lastAttempt(intent);
  // The runner that stored the key may only have stalled, and may write it again.
  const lateUntil = last.at + quietPeriodMs(terms);
  const journal = committed(context, held, held.journal, intent, secret, sequence, lateUntil);
  const written = await journals.write(gateway, held, journal);
  if (written.kind === "failed") return failure("storageUnusable", gateway, written.problem);
  if (written.kind === "lost") return readAgain;
  // The runner that stored the key may have reported it without a commit.
  if (context.reported.some(({ secretVersion }) => secretVersion === secret.version)) return readAgain;
  services.events.emit({
    name: "GatewayKeyRotated",
    run: terms.run,
    gateway,
    ...publishedAs(secret, { slot: intent.slot, sequence, clientRequestId: last.clientRequestId }),
    isCommitted: true,
    exposureMs: hasTwoKeys(gateway.target) ? 0 : Math.max(0, secret.createdOn.getTime() - last.at),
    dueAt: dueAfter(gateway, secret.createdOn),
  });
  return readAgain;
}

/** Writes a lost journal again, from the tags of the latest version. The service's keys show which slot it publishes. */
export async function rebuild(
  context: Context,
  state: CurrentState,
  secret: SecretVersion,
): Promise<StepOutcome> {
  const { gateway, services, terms } = context;
  const { held } = state;
  const unpublished = await slotToRegenerate(context, state);
  if ("kind" in unpublished) return unpublished;
  const slots = { key: "key", authKey1: "authKey2", authKey2: "authKey1" } as const;
  const now = services.clock.now() + held.clockOffsetMs;
  return changeJournal(context, held, {
    ...emptyJournal(gateway),
    commit: {
      version: secret.version,
      slot: slots[unpublished.slot],
      clientRequestId: secret.tags["client-request-id"] ?? "unknown",
      sequence: sequenceOf(secret) ?? 1,
      at: secret.createdOn.getTime(),
    },
    verification: { at: now + quietPeriodMs(terms), suspect: true },
  });
}

/**
 * The verification after a commit: is the latest version the committed one, and if the commit is suspect, does the
 * service have its key? If not, or if the engine cannot find out, it rotates the gateway again.
 */
export async function verify(context: Context, state: CurrentState): Promise<StepOutcome> {
  const { gateway } = context;
  const { held, latest } = state;
  const { journal } = held;
  const isCommitted = latest.kind !== "none" && latest.secret.version === journal.commit?.version;
  if (!isCommitted) return rotate(context, state, "verification-failed");
  if (journal.verification?.suspect !== true) return changeJournal(context, held, { verification: null });
  const { target } = gateway;
  if (!hasTwoKeys(target) || latest.kind !== "enabled")
    return rotate(context, state, "verification-impossible");
  const listed = await listKeys(context, target);
  if (listed.kind === "failed" && listed.problem.transient)
    return failure("keysUnlistable", gateway, listed.problem);
  if (listed.kind === "failed") return rotate(context, state, "verification-impossible");
  if (!isOneOf(listed.keys, latest.key)) return replaceDead(context, state, "verification-failed");
  return changeJournal(context, held, { ...withWorkingKey(journal), verification: null });
}

/** Compares the published key of a gateway that is not due with the service's keys. If the key is dead, rotates it. */
export async function compare(
  context: Context,
  state: CurrentState,
  { target, published }: Extract<NextStep, { kind: "compare" }>,
): Promise<StepOutcome> {
  const { gateway, services } = context;
  const { held } = state;
  const { journal } = held;
  const listed = await listKeys(context, target);
  if (listed.kind === "failed") return failure("keysUnlistable", gateway, listed.problem);
  if (!isOneOf(listed.keys, published)) return replaceDead(context, state, "published-key-dead");
  const verifiedAt = services.clock.now() + held.clockOffsetMs;
  return changeJournal(context, held, {
    ...withWorkingKey(journal),
    commit: journal.commit && { ...journal.commit, verifiedAt },
  });
}

/** Rotates a gateway whose published key is known to be dead. */
const replaceDead = async (context: Context, state: CurrentState, reason: string): Promise<StepOutcome> =>
  compared(await rotate(context, state, reason), true);

/** After the service listed the published key, an earlier failure no longer puts the key in doubt. */
const withWorkingKey = ({ failure }: Journal): Pick<Journal, "failure"> => ({
  failure: failure && { ...failure, keyWorks: true, isKeyDead: undefined },
});

const isOneOf = (keys: Readonly<Record<AuthKeySlot, Redacted>>, key: Redacted): boolean =>
  Object.values(keys).some((each) => sameKey(each, key));

/** Writes the journal with these changes. Whether or not another writer was faster, the next step reads it again. */
export async function changeJournal(
  { gateway, journals }: Context,
  held: HeldJournal,
  changes: Partial<Journal>,
): Promise<StepOutcome> {
  const written = await journals.write(gateway, held, { ...held.journal, ...changes });
  return written.kind === "failed" ? failure("storageUnusable", gateway, written.problem) : readAgain;
}
