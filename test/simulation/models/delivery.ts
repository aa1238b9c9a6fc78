import type { CallProblem } from "../../../src/domain/attempt.ts";
import type { Call } from "./call.ts";
import type { Effect } from "./performCall.ts";

/** How one call is delivered: whether it takes effect, when, and what its caller sees. */
export type Delivery =
  | { readonly kind: "normal" }
  /** The service refuses clearly. The call has no effect. */
  | { readonly kind: "refused"; readonly code: RefusalCode }
  /** The request is lost. The call has no effect, and the caller cannot know that. */
  | { readonly kind: "lostBefore" }
  /** The answer is lost. The call has taken effect, and the caller cannot know that. */
  | { readonly kind: "lostAfter" }
  /** The call takes effect twice, as if a proxy repeated it. */
  | { readonly kind: "twice" }
  /** The caller times out now. `release` receives the effect, which happens whenever the receiver calls it. */
  | { readonly kind: "late"; release(effect: () => void): void }
  /** The caller's process dies during the call, so no caller sees an answer. */
  | { readonly kind: "dead"; readonly effect: "none" | "applied" }
  /** The caller's process died after it had sent the call. `release` as for `late`. */
  | { readonly kind: "orphaned"; release(effect: () => void): void };

/** Decides when a call proceeds and how it is delivered. `effect` is what the call would do. */
export type DecideDelivery = (call: Call, effect: Effect) => Promise<Delivery>;

/** The clear refusals that the product's wrappers know. `status` is undefined if no service answered. */
export const refusals = {
  "bad-request": { status: 400, transient: false },
  unauthenticated: { status: 401, transient: false },
  forbidden: { status: 403, transient: false },
  "not-found": { status: 404, transient: false },
  conflict: { status: 409, transient: true },
  "being-deleted": { status: 409, transient: true },
  "deleted-but-recoverable": { status: 409, transient: false },
  "precondition-failed": { status: 412, transient: true },
  throttled: { status: 429, transient: true },
  /** With a `Retry-After` of {@link longWaitMs}. */
  "throttled-for-long": { status: 429, transient: true },
  "no-token": { status: undefined, transient: true },
  "not-sent": { status: undefined, transient: true },
  unreachable: { status: undefined, transient: true },
} as const satisfies Record<string, { readonly status: number | undefined; readonly transient: boolean }>;

export type RefusalCode = keyof typeof refusals;

/** What a caller sees instead of an answer. */
export type CallFailure =
  | { readonly kind: "refused"; readonly code: RefusalCode }
  | { readonly kind: "unclear"; readonly code: "connection-lost" | "timed-out" };

/** Two seconds longer than the engine trusts a preflight, since the vault's times have whole seconds. */
export const longWaitMs = 5 * 60_000 + 2_000;

/** The failure as the product's wrappers report it. */
export function problemOf(call: Pick<Call, "service" | "operation">, seen: CallFailure): CallProblem {
  const { kind, code } = seen;
  const transient = kind === "unclear" || refusals[seen.code].transient;
  const retryAfterMs = code === "throttled-for-long" ? longWaitMs : undefined;
  return {
    code: code === "throttled-for-long" ? "throttled" : code,
    message: `${call.service} did not do ${call.operation}: ${code}.`,
    transient,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
