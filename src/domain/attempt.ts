import type { Redacted } from "./redacted.ts";
import type { AuthKeySlot, KeySlot, Target, TwoKeyTarget } from "./target.ts";

/**
 * What an attempt to regenerate did to the key.
 *
 * - `unchanged`: the attempt did not replace the key and never will.
 * - `unknown`: the attempt may have replaced the key, or may still replace it. It is never reported as unchanged.
 * - `applied`: the attempt replaced the key, and its answer has the new one.
 */
export type Effect = "unchanged" | "unknown" | "applied";

/** Whether the published key works. `unknown`: an attempt may have replaced it, or nothing is known about it. */
export type KeyWorks = boolean | "unknown";

declare const clientRequestIdBrand: unique symbol;

/** The GUID sent as `x-ms-client-request-id`. Every attempt has its own. */
export type ClientRequestId = string & { readonly [clientRequestIdBrand]: true };

/** @throws TypeError if `guid` is not a GUID, which Resource Manager requires */
export function toClientRequestId(guid: string): ClientRequestId {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(guid))
    throw new TypeError("A client request id is a GUID");
  return guid as ClientRequestId;
}

/** The record of one call to Resource Manager: the ids by which Azure's support finds it, and its cost. */
export interface CallTrace {
  readonly clientRequestId: ClientRequestId;
  /** `x-ms-request-id`: the service's own id of the operation. */
  readonly requestId?: string | undefined;
  /** `x-ms-correlation-request-id`: correlates the operation across Azure's services. */
  readonly correlationRequestId?: string | undefined;
  /** `x-ms-routing-request-id`: `Location:DateTime:correlation-request-id`. */
  readonly routingRequestId?: string | undefined;
  /** `x-ms-ratelimit-remaining-subscription-writes`. */
  readonly remainingSubscriptionWrites?: number | undefined;
  /** HTTP status; undefined if no answer arrived. */
  readonly status?: number | undefined;
  /** Undefined for a call that another process made. */
  readonly durationMs?: number | undefined;
}

/** The ids by which Azure's support finds an attempt; undefined: not known. */
export const idsOf = ({ clientRequestId, requestId, correlationRequestId }: Partial<CallTrace> = {}) => ({
  clientRequestId,
  requestId,
  correlationRequestId,
});

/** One attempt to regenerate, as part of one rotation. */
export interface Attempt {
  readonly rotationId: string;
  readonly slot: KeySlot;
  readonly trace: CallTrace;
}

/** A key that this system made and stored, and the attempt that made it. */
export interface Published extends Attempt {
  readonly secretVersion: string;
  readonly fingerprint: string;
  readonly sequence: number;
}

/** A finished rotation. */
export interface Rotated extends Published {
  /** False: the key is stored, but storage did not confirm the commit. A later step adopts the version. */
  readonly isCommitted: boolean;
  /** From the old key's death until the vault has the new one, in milliseconds; 0 if the gateway's other key still works. */
  readonly exposureMs: number;
  /** When the gateway is due again; undefined: with every tick. */
  readonly dueAt: Date | undefined;
}

/** Why a call can fail. docs/runbook.md has a section on each. */
export const callCodes = [
  // The service refused the request, or it was not sent: it had no effect.
  "bad-request",
  "being-deleted",
  "being-recovered",
  "certificate-untrusted",
  "conflict",
  "deleted-but-recoverable",
  "disallowed-by-policy",
  "forbidden",
  "forbidden-by-connection",
  "forbidden-by-firewall",
  "forbidden-by-policy",
  "no-token",
  "not-found",
  "not-sent",
  "precondition-failed",
  "provider-unregistered",
  "scope-locked",
  "subscription-disabled",
  "throttled",
  "unauthenticated",
  "unreachable",
  // It may have had an effect.
  "connection-lost",
  "no-key-in-answer",
  "other-value-echoed",
  "server-error",
  "timed-out",
  "unexpected-status",
  "unusable-answer",
  // The engine did not send it.
  "claim-unknown",
] as const;

export type CallCode = (typeof callCodes)[number];

/** Why a call failed. */
export interface CallProblem {
  readonly code: CallCode;
  /** What happened, in a sentence that names the service. Never contains a key. */
  readonly message: string;
  /** The same call may succeed later by itself. */
  readonly transient: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** The call failed. It may be repeated: it reads, or has the same effect each time. */
export interface Failed {
  readonly kind: "failed";
  readonly problem: CallProblem;
}

/** `refused`: the call wrote nothing. `unclear`: it may have written, or may still write. */
export interface NotWritten {
  readonly kind: "refused" | "unclear";
  readonly problem: CallProblem;
}

export type RegenerateOutcome =
  | { readonly kind: "applied"; readonly key: Redacted; readonly trace: CallTrace }
  | { readonly kind: "unchanged" | "unknown"; readonly problem: CallProblem; readonly trace: CallTrace };

export type ListKeysOutcome =
  | {
      readonly kind: "listed";
      readonly keys: Readonly<Record<AuthKeySlot, Redacted>>;
      /** `x-ms-ratelimit-remaining-subscription-writes`: to list counts as a write. */
      readonly remainingSubscriptionWrites?: number | undefined;
    }
  | Failed;

/** The keys of gateways, as Resource Manager has them. */
export interface GatewayKeys {
  /** Sends one HTTP request and no more: a regenerate is not idempotent, each makes another key. */
  regenerate(target: Target, slot: KeySlot, clientRequestId: ClientRequestId): Promise<RegenerateOutcome>;
  listKeys(target: TwoKeyTarget): Promise<ListKeysOutcome>;
}
