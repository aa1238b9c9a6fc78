import type { Attempt } from "../domain/attempt.ts";
import { gatewayKinds } from "../domain/gatewayKinds.ts";
import { fingerprint, type Redacted } from "../domain/redacted.ts";
import { dayMs } from "../domain/rotationWindow.ts";
import { managedBy, type NewVersion, type SecretVersion, type Tags } from "../domain/secretStore.ts";
import type { Gateway, Run } from "../domain/target.ts";
import type { RunTerms } from "./context.ts";

/**
 * Makes the version that a rotation writes.
 *
 * @param previous the latest version, whose other tags are carried forward; undefined: there is none
 * @param sequence the version's number in the secret's history, from 1
 * @param now milliseconds since 1970; the expiry counts from it
 */
export function newVersion(
  gateway: Gateway,
  previous: SecretVersion | undefined,
  sequence: number,
  terms: RunTerms,
  attempt: Attempt,
  key: Redacted,
  now: number,
): NewVersion & { readonly fingerprint: string } {
  const { expireAfterDays, rotateEveryDays } = gateway;
  const { run, deploymentName } = terms;
  const facts = { sequence, fingerprint: fingerprint(key), rotateEveryDays, previous };
  return {
    fingerprint: facts.fingerprint,
    key,
    contentType: gatewayKinds[gateway.target.kind].contentType,
    tags: versionTags({ ...facts, ...attempt, run, deploymentName }),
    expiresOn: expireAfterDays === undefined ? undefined : new Date(now + expireAfterDays * dayMs),
  };
}

/** Key Vault's limits: 15 tags; 256 characters, the smaller of the two limits that Microsoft documents. */
const maxTags = 15;
const maxLength = 256;

/** Azure CLI's tag on a value from a file. It describes that value, not the key in the next version. */
const fileEncoding = "file-encoding";

/** The facts from which a version's tags are made. `previous`: the version that this one follows. */
export interface VersionFacts extends Attempt {
  readonly deploymentName: string;
  readonly run: Run;
  readonly sequence: number;
  readonly fingerprint: string;
  /** The gateway's period; undefined: every tick rotates it. */
  readonly rotateEveryDays: number | undefined;
  readonly previous: SecretVersion | undefined;
}

/**
 * The tags of a new version. They hold all that the audit needs, and of the key only its fingerprint. Tags that others
 * put on the previous version are carried forward as far as there is room. A value that is too long is cut, and ends
 * with `…`.
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
    "rotate-every-days": facts.rotateEveryDays?.toString(),
    "client-request-id": trace.clientRequestId,
    "request-id": trace.requestId,
    "correlation-request-id": trace.correlationRequestId,
  };
  const foreign = Object.entries(facts.previous?.tags ?? {}).filter(
    ([name]) => !Object.hasOwn(ours, name) && name !== fileEncoding,
  );
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
