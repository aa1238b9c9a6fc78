import { type CallProblem, type RegenerateOutcome, toClientRequestId } from "../domain/attempt.ts";
import { fingerprint } from "../domain/redacted.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { sequenceOf } from "../domain/secretVersions.ts";
import type { Gateway, KeySlot, TargetKind } from "../domain/target.ts";
import * as failures from "./failures.ts";
import { chooseSlot, nextStep, unpublishedSlot } from "./nextStep.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";
import { retryTransient } from "./retry.ts";
import type { RotationServices, RunTerms } from "./services.ts";
import { storeKey } from "./storeKey.ts";
import { versionTags } from "./tags.ts";

/** What the gateways of one run tell each other of their vaults. */
export interface VaultNews {
  /** Why the vault takes no write, where it has said so in this run and time alone does not mend it. */
  refusalOf(vaultUrl: string): CallProblem | undefined;
  refused(vaultUrl: string, problem: CallProblem): void;
}

/**
 * Rotates one gateway: look, decide, regenerate, store. Regenerating destroys a key, so everything that can
 * be known before it is known before it, and what comes after it is tried until it is done or time is up.
 * Never throws for what a service does.
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Gateway,
  terms: RunTerms,
  vaults: VaultNews,
): Promise<RotationOutcome> {
  const { secrets, events, clock } = services;
  const { run } = terms;
  if (clock.now() > lastStart(terms, callsToLook)) return failures.outOfTime(gateway);

  const latest = await retryTransient(() => secrets.readLatest(gateway.secret), {
    clock,
    lastStart: lastStart(terms, callsToLook),
    problemOf: (read) => (read.kind === "failed" ? read.problem : undefined),
  });
  if (latest.kind === "failed") return failures.vaultUnreadable(gateway, latest.problem);

  const step = nextStep({ gateway, latest, deploymentName: terms.deploymentName, now: clock.now() });
  const { kind: decision, reason, message } = step;
  events.emit({ name: "GatewayKeyRotationDecided", run, gateway, decision, decisionReason: reason, message });
  if (decision === "skip") return { kind: "skipped", gateway };
  if (decision === "refuse") return failures.refusedByPolicy(gateway, step);

  const slot = await slotToRegenerate(services, gateway, latest, terms);
  if (typeof slot !== "string") return slot;

  const refusal = vaults.refusalOf(gateway.secret.vaultUrl);
  if (refusal !== undefined) return failures.vaultTakesNoWrites(gateway, refusal);
  if (clock.now() > lastStart(terms, callsToRegenerate)) return failures.outOfTime(gateway);

  const rotationId = services.newGuid();
  const { sentAt, ...regenerated } = await regenerate(services, gateway, terms, { rotationId, slot });
  const attempt = { rotationId, slot, trace: regenerated.trace };
  if (regenerated.kind !== "applied") return failures.notRegenerated(gateway, attempt, regenerated);

  const { key } = regenerated;
  const previous = latest.kind === "none" ? undefined : latest.secret;
  const facts = {
    ...attempt,
    run,
    deploymentName: terms.deploymentName,
    sequence: (previous === undefined ? 0 : (sequenceOf(previous) ?? 0)) + 1,
    fingerprint: fingerprint(key),
    previous,
  };
  const version = {
    key,
    contentType: contentTypes[gateway.target.kind],
    tags: versionTags(facts),
    expiresOn:
      gateway.expireAfterDays === undefined ? undefined : daysFrom(clock.now(), gateway.expireAfterDays),
  };
  const stored = await storeKey(secrets, gateway.secret, version, {
    clock,
    deadline: terms.deadline,
    onRefused: (problem) => vaults.refused(gateway.secret.vaultUrl, problem),
  });
  if (stored.kind === "unstored") return failures.keyUnstored(gateway, attempt, stored.problem);

  return {
    kind: "rotated",
    gateway,
    ...attempt,
    secretVersion: stored.secret.version,
    fingerprint: facts.fingerprint,
    sequence: facts.sequence,
    // The old key of a one-key target dies while the request is under way: counted from its start.
    exposureMs: gateway.target.kind === "gateway" ? clock.now() - sentAt : 0,
  };
}

/** The secret's content type names the kind of key, so that consumers know how to use it. */
const contentTypes = {
  gateway: "application/vnd.azure-data-factory.gateway-key",
  integrationRuntime: "application/vnd.azure-data-factory.integration-runtime-key",
} as const satisfies Record<TargetKind, string>;

const daysFrom = (now: number, days: number): Date => new Date(now + days * 86_400_000);

/** One to regenerate, one to store; the deadline itself leaves room for a last try. */
const callsToRegenerate = 2;

/** One to read the vault and one to list a target's keys, before all that. */
const callsToLook = callsToRegenerate + 2;

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
    lastStart: lastStart(terms, callsToLook),
    problemOf: (list) => (list.kind === "failed" ? list.problem : undefined),
  });
  if (listed.kind === "failed") return failures.keysUnlistable(gateway, listed.problem);
  return unpublishedSlot(listed.keys, choice.published);
}
