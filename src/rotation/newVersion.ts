import type { CallTrace } from "../domain/attempt.ts";
import { fingerprint, type Redacted } from "../domain/redacted.ts";
import type { NewVersion, SecretVersion } from "../domain/secretStore.ts";
import type { Gateway, KeySlot, TargetKind } from "../domain/target.ts";
import type { RunTerms } from "./services.ts";
import { versionTags } from "./tags.ts";

/** One attempt to regenerate, as part of one rotation. */
export interface Attempt {
  readonly rotationId: string;
  readonly slot: KeySlot;
  readonly trace: CallTrace;
}

/** A version as it will be written, and what is told of it. */
export interface PreparedVersion extends NewVersion {
  readonly sequence: number;
  readonly fingerprint: string;
}

/** @param now milliseconds since 1970, from which the expiry counts */
export function newVersion(
  gateway: Gateway,
  previous: SecretVersion | undefined,
  sequence: number,
  terms: RunTerms,
  attempt: Attempt,
  key: Redacted,
  now: number,
): PreparedVersion {
  const { expireAfterDays } = gateway;
  const { run, deploymentName } = terms;
  const facts = { sequence, fingerprint: fingerprint(key) };
  return {
    ...facts,
    key,
    contentType: contentTypes[gateway.target.kind],
    tags: versionTags({ ...facts, ...attempt, run, deploymentName, previous }),
    expiresOn: expireAfterDays === undefined ? undefined : new Date(now + expireAfterDays * dayMs),
  };
}

/** The secret's content type names the kind of key, so that consumers know how to use it. */
const contentTypes = {
  gateway: "application/vnd.azure-data-factory.gateway-key",
  integrationRuntime: "application/vnd.azure-data-factory.integration-runtime-key",
} as const satisfies Record<TargetKind, string>;

const dayMs = 86_400_000;
