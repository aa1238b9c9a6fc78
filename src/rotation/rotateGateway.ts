import { type RegenerateOutcome, toClientRequestId } from "../domain/attempt.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import type { Gateway, KeySlot } from "../domain/target.ts";
import * as failures from "./failures.ts";
import { newVersion } from "./newVersion.ts";
import { chooseSlot, nextStep, unpublishedSlot } from "./nextStep.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";
import { type Preflight, preflightValue } from "./preflight.ts";
import { retryTransient } from "./retry.ts";
import type { RotationServices, RunTerms } from "./services.ts";
import { storeKey } from "./storeKey.ts";

/** What a gateway shares with the others of its run. */
export interface Turn {
  readonly preflight: Preflight;
  /** Its key waits for a vault that refuses it: somebody else may go on meanwhile. */
  yield(): void;
}

/**
 * Rotates one gateway: look, decide, prepare, regenerate, store. Regenerating destroys a key, so everything that
 * can be known before it is known before it, and what comes after it is tried until it is done or time is up.
 * Never throws for what a service does.
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Gateway,
  terms: RunTerms,
  turn: Turn,
): Promise<RotationOutcome> {
  const { secrets, events, clock } = services;
  const { run } = terms;
  const { vaultUrl } = gateway.secret;
  if (clock.now() > lastStart(terms, callsToLook)) return failures.outOfTime(gateway);

  const latest = await retryTransient(() => secrets.readLatest(gateway.secret), {
    clock,
    lastStart: lastStart(terms, callsToLook),
    problemOf: (read) => (read.kind === "failed" ? read.problem : undefined),
  });
  if (latest.kind === "failed") return failures.vaultUnreadable(gateway, latest.problem);
  const previous = latest.kind === "none" ? undefined : latest.secret;

  const step = nextStep({ gateway, latest, deploymentName: terms.deploymentName, now: clock.now() });
  const { kind: decision, reason, message } = step;
  events.emit({ name: "GatewayKeyRotationDecided", run, gateway, decision, decisionReason: reason, message });
  if (decision === "skip") return { kind: "skipped", gateway };
  if (decision === "refuse") return failures.refusedByPolicy(gateway, step);

  const slot = await slotToRegenerate(services, gateway, latest, terms);
  if (typeof slot !== "string") return slot;
  const rotation = { rotationId: services.newGuid(), slot };

  if (latest.kind === "none") {
    const deleted = await secrets.readDeleted(gateway.secret);
    if (deleted.kind === "softDeleted") return failures.secretSoftDeleted(gateway);
    if (deleted.kind === "failed") return failures.vaultUnreadable(gateway, deleted.problem);
  }
  const trial = {
    ...rotation,
    trace: { clientRequestId: toClientRequestId(services.newGuid()), durationMs: 0 },
  };
  const like = newVersion(gateway, previous, terms, trial, preflightValue, clock.now());
  const refusal = await turn.preflight.check(vaultUrl, like);
  if (refusal !== undefined) return failures.vaultTakesNoWrites(gateway, refusal);
  if (clock.now() > lastStart(terms, callsToRegenerate)) return failures.outOfTime(gateway);

  const { sentAt, ...regenerated } = await regenerate(services, gateway, terms, rotation);
  const attempt = { ...rotation, trace: regenerated.trace };
  if (regenerated.kind !== "applied") return failures.notRegenerated(gateway, attempt, regenerated);

  const version = newVersion(gateway, previous, terms, attempt, regenerated.key, clock.now());
  const stored = await storeKey(secrets, gateway.secret, version, {
    clock,
    deadline: terms.deadline,
    onRefused() {
      turn.preflight.refused(vaultUrl);
      turn.yield();
    },
  });
  if (stored.kind === "unstored") return failures.keyUnstored(gateway, attempt, stored.problem);
  turn.preflight.accepted(vaultUrl);

  return {
    kind: "rotated",
    gateway,
    ...attempt,
    secretVersion: stored.secret.version,
    fingerprint: version.fingerprint,
    sequence: version.sequence,
    // The old key of a one-key target dies while the request is under way: counted from its start.
    exposureMs: gateway.target.kind === "gateway" ? clock.now() - sentAt : 0,
  };
}

/** One to regenerate, one to store; the deadline itself leaves room for a last try. */
const callsToRegenerate = 2;

/** Before all that: latest version, a target's keys, a deleted secret, the preflight. */
const callsToLook = callsToRegenerate + 4;

/** When something may begin at the latest that takes so many calls before the key must be stored. */
const lastStart = (terms: RunTerms, calls: number): number => terms.deadline - calls * terms.callTimeoutMs;

/**
 * One attempt after the other, as long as each is certain to have changed nothing. Every attempt has a client
 * request id of its own, told before it is sent.
 */
function regenerate(
  { keys, events, clock, newGuid }: RotationServices,
  gateway: Gateway,
  terms: RunTerms,
  rotation: { readonly rotationId: string; readonly slot: KeySlot },
): Promise<RegenerateOutcome & { readonly sentAt: number }> {
  const attempt = async () => {
    const clientRequestId = toClientRequestId(newGuid());
    events.emit({ name: "GatewayKeyRegenerating", run: terms.run, gateway, ...rotation, clientRequestId });
    const sentAt = clock.now();
    return { ...(await keys.regenerate(gateway.target, rotation.slot, clientRequestId)), sentAt };
  };
  return retryTransient(attempt, {
    clock,
    lastStart: lastStart(terms, callsToRegenerate),
    problemOf: (outcome) => (outcome.kind === "unchanged" ? outcome.problem : undefined),
  });
}

async function slotToRegenerate(
  { keys, clock }: RotationServices,
  gateway: Gateway,
  latest: LatestVersion,
  terms: RunTerms,
): Promise<KeySlot | FailedRotation> {
  const choice = chooseSlot(gateway, latest);
  if (choice.kind === "slot") return choice.slot;
  const listed = await retryTransient(() => keys.listKeys(choice.target), {
    clock,
    lastStart: lastStart(terms, callsToLook - 1),
    problemOf: (list) => (list.kind === "failed" ? list.problem : undefined),
  });
  if (listed.kind === "failed") return failures.keysUnlistable(gateway, listed.problem);
  return unpublishedSlot(listed.keys, choice.published);
}
