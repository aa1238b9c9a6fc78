import type { CallTrace } from "../domain/attempt.ts";
import type { Run } from "../domain/run.ts";
import type { SecretVersion, Tags } from "../domain/secretStore.ts";
import { managedBy } from "../domain/secretVersions.ts";
import type { KeySlot } from "../domain/target.ts";

/** Key Vault's limits: 15 tags; 256 characters, the smaller of the two limits that Microsoft documents. */
const maxTags = 15;
const maxLength = 256;

export interface VersionFacts {
  readonly deploymentName: string;
  readonly run: Run;
  readonly rotationId: string;
  readonly sequence: number;
  readonly slot: KeySlot;
  readonly fingerprint: string;
  readonly trace: CallTrace;
  /** The version that this one follows. */
  readonly previous: SecretVersion | undefined;
}

/**
 * The tags of a new version: all that the audit needs, and nothing of the key. Tags that others put on the
 * previous version are carried forward as far as there is room; a value that is too long is cut with `…`.
 */
export function versionTags(facts: VersionFacts): Tags {
  const { run, trace } = facts;
  const ours: Record<string, string | undefined> = {
    "managed-by": managedBy(facts.deploymentName),
    "rotation-id": facts.rotationId,
    sequence: String(facts.sequence),
    trigger: run.trigger,
    reason: run.reason,
    "requested-by": run.requestedBy,
    "key-name": facts.slot,
    fingerprint: facts.fingerprint,
    "client-request-id": trace.clientRequestId,
    "request-id": trace.requestId,
    "correlation-request-id": trace.correlationRequestId,
  };
  const foreign = Object.entries(facts.previous?.tags ?? {}).filter(([name]) => !(name in ours));
  const present = Object.entries(ours).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(
    [...present, ...foreign].slice(0, maxTags).map(([name, value]) => [name, cut(value)]),
  );
}

function cut(value: string): string {
  if (value.length <= maxLength) return value;
  const head = value.slice(0, maxLength - 1);
  // Not through the middle of a surrogate pair.
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}
