import type { Redacted } from "./redacted.ts";
import type { AuthKeySlot, KeySlot, Target, TwoKeyTarget } from "./target.ts";

/**
 * What an attempt to regenerate did to the key.
 *
 * - `unchanged`: certainly not replaced; the old key still works.
 * - `unknown`: it may have been replaced, now or in a moment. Never reported as unchanged.
 * - `applied`: replaced, and the new key is in our hands.
 */
export type Effect = "unchanged" | "unknown" | "applied";

declare const clientRequestIdBrand: unique symbol;

/** The GUID sent as `x-ms-client-request-id`: names one attempt, and only one. */
export type ClientRequestId = string & { readonly [clientRequestIdBrand]: true };

/** Throws a `TypeError` where `guid` is not a GUID: Resource Manager requires one. */
export function toClientRequestId(guid: string): ClientRequestId {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(guid))
    throw new TypeError("A client request id is a GUID");
  return guid as ClientRequestId;
}

/** What one call to Resource Manager left behind: the ids by which Azure's support finds it, and its cost. */
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
  /** HTTP status; undefined when no answer came. */
  readonly status?: number | undefined;
  /** Unknown of a call that another process made. */
  readonly durationMs?: number | undefined;
}

/** Why a call did not do what it was asked. */
export interface CallProblem {
  /** Stable, in kebab-case: `throttled`, `forbidden`, `timed-out`. */
  readonly code: string;
  /** What happened, in a sentence that names the service. Never holds a key. */
  readonly message: string;
  /** Whether the same call may succeed later without anybody's help. */
  readonly transient: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
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
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** The keys of gateways and integration runtimes, as Resource Manager keeps them. */
export interface GatewayKeys {
  /** One HTTP request and no more: regenerating is not idempotent, each attempt makes another key. */
  regenerate(target: Target, slot: KeySlot, clientRequestId: ClientRequestId): Promise<RegenerateOutcome>;
  listKeys(target: TwoKeyTarget): Promise<ListKeysOutcome>;
}
