import { toClientRequestId } from "../domain/attempt.ts";
import { fingerprint } from "../domain/redacted.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { sequenceOf } from "../domain/secretVersions.ts";
import type { Gateway, KeySlot, TargetKind } from "../domain/target.ts";
import * as failures from "./failures.ts";
import { chooseSlot, nextStep, unpublishedSlot } from "./nextStep.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";
import type { RotationServices, RunTerms } from "./services.ts";
import { storeKey } from "./storeKey.ts";
import { versionTags } from "./tags.ts";

/**
 * Rotates one gateway: look, decide, regenerate, store. Regenerating destroys a key, so everything that can
 * be known before it is known before it, and what comes after it is tried until it is done or time is up.
 * Never throws for what a service does.
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Gateway,
  terms: RunTerms,
): Promise<RotationOutcome> {
  const { keys, secrets, events, clock } = services;

  const latest = await secrets.readLatest(gateway.secret);
  if (latest.kind === "failed") return failures.vaultUnreadable(gateway, latest.problem);

  const step = nextStep({ gateway, latest, deploymentName: terms.deploymentName, now: clock.now() });
  if (step.kind === "skip") return { kind: "skipped", gateway, reason: step.reason, message: step.message };
  if (step.kind === "refuse") return failures.refusedByPolicy(gateway, step);

  const slot = await slotToRegenerate(services, gateway, latest);
  if (typeof slot !== "string") return slot;

  if (clock.now() + timeToRegenerateAndStore(terms) > terms.deadline) return failures.outOfTime(gateway);

  const { run } = terms;
  const rotationId = services.newGuid();
  const clientRequestId = toClientRequestId(services.newGuid());
  events.emit({ name: "GatewayKeyRegenerating", run, gateway, rotationId, slot, clientRequestId });
  const sentAt = clock.now();
  const regenerated = await keys.regenerate(gateway.target, slot, clientRequestId);
  const { trace } = regenerated;
  const attempt = { rotationId, slot, trace };
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
  const stored = await storeKey(secrets, clock, gateway.secret, version, terms.deadline);
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

/** One call to regenerate, one to store, one to read back and one to store again. */
const timeToRegenerateAndStore = (terms: RunTerms): number => 4 * terms.callTimeoutMs;

async function slotToRegenerate(
  { keys }: RotationServices,
  gateway: Gateway,
  latest: LatestVersion,
): Promise<KeySlot | FailedRotation> {
  const choice = chooseSlot(gateway, latest);
  if (choice.kind === "slot") return choice.slot;
  const listed = await keys.listKeys(choice.target);
  if (listed.kind === "failed") return failures.keysUnlistable(gateway, listed.problem);
  return unpublishedSlot(listed.keys, choice.published);
}
