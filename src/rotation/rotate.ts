import { type RegenerateOutcome, toClientRequestId } from "../domain/attempt.ts";
import { problemOfRead, retryTransient } from "../domain/retry.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { sequenceOf } from "../domain/secretVersions.ts";
import { hasTwoKeys, type KeySlot } from "../domain/target.ts";
import { emptyJournal, type Intent, isElsewhere } from "../journal/journal.ts";
import { dueAfter } from "../journal/journalSummary.ts";
import { chooseSlot, unpublishedSlot } from "./chooseSlot.ts";
import type { Context, CurrentState, StepOutcome } from "./context.ts";
import * as failures from "./failures.ts";
import { committed, type EndedIntent, type OpenIntent, openIntent } from "./intent.ts";
import { newVersion } from "./newVersion.ts";
import { certificateRefusal } from "./nextStep.ts";
import { type FailedRotation, outOfTime, overtaken, type RotationOutcome } from "./outcome.ts";
import { preflightValue } from "./preflight.ts";
import { callsToLook, callsToRegenerate, lastStart } from "./services.ts";
import { storeKey } from "./storeKey.ts";

/**
 * One rotation, from its intent to its commit.
 *
 * @param open an intent that another runner left open; undefined: a new one
 * @param reason the rule that asked for it
 */
export async function rotate(
  context: Context,
  state: CurrentState,
  open: Intent | undefined,
  reason: string,
): Promise<StepOutcome> {
  const { services, gateway, terms, preflight, journals, pace } = context;
  const { held, latest } = state;
  const { secrets, clock } = services;
  const previous = latest.kind === "none" ? undefined : latest.secret;
  const slot = await slotToRegenerate(context, state);
  if (typeof slot !== "string") return slot;
  const waitedMs = await pace.toRegenerate(lastStart(terms, callsToRegenerate));
  if (waitedMs === undefined) return outOfTime(gateway);
  // What was read is older than an answer can be: read again.
  if (waitedMs > terms.callTimeoutMs) return undefined;
  const rotationId = open?.rotationId ?? services.newGuid();
  const { run } = terms;

  const obstacle = await secretObstacle(context, latest);
  if (obstacle !== undefined) return obstacle;
  const checkVault = async (): Promise<FailedRotation | undefined> => {
    const trace = { clientRequestId: toClientRequestId(services.newGuid()), durationMs: 0 };
    const attempt = { rotationId, slot, trace };
    const like = newVersion(gateway, previous, 1, terms, attempt, preflightValue, clock.now());
    const refusal = await preflight.check(gateway, like);
    return refusal && failures.vaultTakesNoWrites(gateway, refusal);
  };

  const journal = held.journal ?? emptyJournal(gateway);
  const storageNow = () => clock.now() + held.clockOffsetMs;
  const isVerificationDue = journal.verification !== null && journal.verification.at <= storageNow();
  const intent = openIntent(context, held, {
    ...journal,
    ...gateway.secret,
    // A rotation that a verification asked for settles it; before its time the verification stays due.
    verification: isVerificationDue ? null : journal.verification,
    intent: {
      rotationId,
      // One that another run began is that run's, unless its key goes to another secret now.
      runId: open === undefined || isElsewhere(journal, gateway) ? run.id : open.runId,
      slot,
      reason: open?.reason ?? reason,
      attempts: open?.attempts ?? [],
      claimedUntil: 0,
    },
  });

  const regenerated = await regenerate(context, intent, slot, checkVault);
  if (regenerated.kind === "stopped") return regenerated.outcome;
  const attempt = { rotationId, slot, trace: regenerated.trace };

  const sequence =
    Math.max(journal.commit?.sequence ?? 0, previous === undefined ? 0 : (sequenceOf(previous) ?? 0)) + 1;
  const version = newVersion(gateway, previous, sequence, terms, attempt, regenerated.key, clock.now());
  const storeBeganAt = clock.now();
  const stored = await storeKey(secrets, gateway.secret, version, {
    clock,
    deadline: terms.deadline,
    mayWrite: () => intent.extend(),
    onRefused() {
      preflight.refused(gateway.secret.vaultUrl);
      context.yield();
    },
  });
  if (stored.kind === "stopped") return overtaken(gateway);
  if (stored.kind === "unstored") return failures.keyUnstored(gateway, attempt, stored.problem);
  preflight.accepted(gateway, storeBeganAt);

  const now = intent.current();
  const done = await journals.write(
    gateway,
    now.held,
    committed(context, now.held, now.held.journal, now.intent, stored.secret, sequence),
  );
  if (done.kind !== "written") return overtaken(gateway);
  return {
    kind: "rotated",
    gateway,
    ...attempt,
    secretVersion: stored.secret.version,
    fingerprint: version.fingerprint,
    sequence,
    // The old key of a version 1 gateway dies while the request is under way: counted from its start.
    exposureMs: hasTwoKeys(gateway.target) ? 0 : clock.now() - regenerated.sentAt,
    dueAt: dueAfter(gateway, stored.secret.createdOn),
    verifyAt: done.held.journal.verification?.at ?? 0,
  };
}

/** Why the vault will take no version of this secret, whatever it takes of others. */
async function secretObstacle(
  { services, gateway, terms }: Context,
  latest: LatestVersion,
): Promise<FailedRotation | undefined> {
  const certificate = certificateRefusal(latest);
  if (certificate !== undefined) return failures.refusedByPolicy(gateway, certificate);
  if (latest.kind !== "none") return undefined;
  const deleted = await retryTransient(() => services.secrets.readDeleted(gateway.secret), {
    clock: services.clock,
    lastStart: lastStart(terms, callsToLook - 2),
    problemOf: problemOfRead,
  });
  switch (deleted.kind) {
    case "absent":
      return undefined;
    case "softDeleted":
      return failures.secretSoftDeleted(gateway);
    case "failed":
      return failures.vaultUnreadable(gateway, deleted.problem);
  }
}

type Regenerated =
  | (Extract<RegenerateOutcome, { kind: "applied" }> & { readonly sentAt: number })
  | { readonly kind: "stopped"; readonly outcome: StepOutcome };

/**
 * One attempt after the other, each with a client request id of its own that is in the journal and in the log
 * before it is sent, and each only while the vault is known to take writes. An attempt that certainly changed nothing
 * is repeated if that may help. After an unknown outcome a version 1 gateway continues at once, since its key is dead
 * or about to be; a two-key gateway's published key works, so it waits until no attempt can take effect any more.
 */
async function regenerate(
  context: Context,
  intent: OpenIntent,
  slot: KeySlot,
  checkVault: () => Promise<FailedRotation | undefined>,
): Promise<Regenerated> {
  const { services, gateway, terms, pace, preflight } = context;
  const { keys, events, clock, newGuid } = services;
  const latestStart = lastStart(terms, callsToRegenerate);
  for (let attempts = 1, pauseMs = 1000; ; attempts += 1, pauseMs *= 2) {
    const refusal = await checkVault();
    if (refusal !== undefined) {
      const outcome = attempts === 1 ? refusal : endedOver(refusal, await intent.end());
      return { kind: "stopped", outcome };
    }
    if (attempts === 1 && clock.now() > latestStart) return { kind: "stopped", outcome: outOfTime(gateway) };
    const clientRequestId = toClientRequestId(newGuid());
    const stopped = await intent.begin(clientRequestId);
    if (stopped !== undefined) return { kind: "stopped", outcome: stopped };
    if ((await intent.extend()) !== "held") {
      return { kind: "stopped", outcome: overtaken(gateway) };
    }
    if (clock.now() > latestStart) {
      await intent.endUnsent();
      return { kind: "stopped", outcome: outOfTime(gateway) };
    }
    if (!preflight.isCurrent(gateway)) {
      await intent.endUnsent();
      return { kind: "stopped", outcome: undefined };
    }
    const { rotationId } = intent.current().intent;
    events.emit({
      name: "GatewayKeyRegenerating",
      run: terms.run,
      gateway,
      rotationId,
      slot,
      clientRequestId,
    });
    const sentAt = clock.now();
    const outcome = await keys.regenerate(gateway.target, slot, clientRequestId);
    if (outcome.kind === "applied") return { ...outcome, sentAt };
    intent.note(outcome.kind);

    const { problem, trace } = outcome;
    const pause = outcome.kind === "unchanged" ? Math.max(pauseMs, problem.retryAfterMs ?? 0) : 0;
    const again = outcome.kind === "unchanged" ? problem.transient : !hasTwoKeys(gateway.target);
    if (again && attempts < mostAttempts && clock.now() + pause <= latestStart) {
      if (outcome.kind === "unknown") continue;
      if ((await pace.toRegenerate(latestStart, pause)) !== undefined) continue;
    }
    const ended = await intent.end();
    if (ended.kind === "overtaken") return { kind: "stopped", outcome: overtaken(gateway) };
    const kind = ended.kind === "open" ? ended.effect : "unchanged";
    const failure = failures.notRegenerated(gateway, { rotationId, slot, trace }, { kind, problem });
    // An open intent is continued.
    return { kind: "stopped", outcome: ended.kind === "withdrawn" ? failure : { ...failure, final: false } };
  }
}

const mostAttempts = 4;

/** What is reported of an intent that ended over a failure which none of its attempts caused. */
function endedOver(failure: FailedRotation, ended: EndedIntent): RotationOutcome {
  switch (ended.kind) {
    case "withdrawn":
      return failure;
    case "open":
      return ended.effect === "unknown" ? failures.inDoubt(failure) : { ...failure, final: false };
    case "overtaken":
      return overtaken(failure.gateway);
  }
}

/** The slot that is not published; where only the service can show that, its keys are compared. */
export async function slotToRegenerate(
  { services, gateway, terms, pace }: Context,
  { held, latest }: CurrentState,
): Promise<KeySlot | FailedRotation> {
  const choice = chooseSlot(gateway, latest, held.journal);
  if (choice.kind === "slot") return choice.slot;
  const latestStart = lastStart(terms, callsToLook - 2);
  const listed = await retryTransient(() => pace.listKeys(choice.target, latestStart), {
    clock: services.clock,
    lastStart: latestStart,
    problemOf: problemOfRead,
  });
  if (listed.kind === "failed") return failures.keysUnlistable(gateway, listed.problem);
  return unpublishedSlot(listed.keys, choice.published);
}
