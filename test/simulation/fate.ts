import type { CallProblem } from "../../src/domain/attempt.ts";
import type { Effect } from "./perform.ts";

/** One call to a service, as it is about to leave the process. */
export interface Call {
  /** Whose call it is. */
  readonly runner: string;
  readonly service: "Resource Manager" | "Key Vault" | "Blob Storage";
  readonly operation: keyof typeof operations;
  /** The target and slot, the secret, or the blob, for people to read. */
  readonly subject: string;
  /** All that the call carries: two calls of one operation with one payload are the same call. */
  readonly payload: string;
  /** Of a write of a blob: the etag that it is written over. */
  readonly over?: string | undefined;
}

const operations = {
  regenerate: "changes",
  listKeys: "reads",
  readLatest: "reads",
  readDeleted: "reads",
  write: "changes",
  readBlob: "reads",
  writeBlob: "changes",
  appendBlob: "changes",
  removeBlob: "changes",
  listBlobs: "reads",
} as const;

/** Whether a call can change anything; a lost answer to one that cannot leaves no doubt. */
export const hasEffect = ({ operation }: Call): boolean => operations[operation] === "changes";

/** What becomes of a call. */
export type Fate =
  | { readonly kind: "normal" }
  /** A clear no, without effect. */
  | { readonly kind: "refused"; readonly code: RefusalCode }
  /** No effect, and the caller cannot know. */
  | { readonly kind: "lostBefore" }
  /** It takes effect, and the caller cannot know. */
  | { readonly kind: "lostAfter" }
  /** It takes effect twice, as where something between repeats it. */
  | { readonly kind: "twice" }
  /** The caller gives up now; `release` is handed the effect, which happens whenever it is called. */
  | { readonly kind: "late"; release(effect: () => void): void }
  /** The process died: no answer is ever seen. */
  | { readonly kind: "dead"; readonly effect: "none" | "applied" }
  /** The process died after it had sent the call; `release` as above. */
  | { readonly kind: "orphaned"; release(effect: () => void): void };

/** Says when a call goes on and what becomes of it; `effect` is what it would do. */
export type Gate = (call: Call, effect: Effect) => Promise<Fate>;

/** The clear refusals of the product's wrappers; a status where the service itself says no. */
export const refusals = {
  "bad-request": { status: 400, transient: false },
  unauthenticated: { status: 401, transient: false },
  forbidden: { status: 403, transient: false },
  "not-found": { status: 404, transient: false },
  conflict: { status: 409, transient: true },
  "precondition-failed": { status: 412, transient: true },
  throttled: { status: 429, transient: true },
  /** With a `Retry-After` of six minutes. */
  "throttled-for-long": { status: 429, transient: true },
  "no-token": { status: undefined, transient: true },
  "not-sent": { status: undefined, transient: true },
  unreachable: { status: undefined, transient: true },
} as const satisfies Record<string, { readonly status: number | undefined; readonly transient: boolean }>;

export type RefusalCode = keyof typeof refusals;

/** What a caller sees of a call where it does not see the answer. */
export type Unanswered =
  | { readonly kind: "refused"; readonly code: RefusalCode }
  | { readonly kind: "unclear"; readonly code: "connection-lost" | "timed-out" };

export function problemOf(call: Pick<Call, "service" | "operation">, seen: Unanswered): CallProblem {
  const { kind, code } = seen;
  const transient = kind === "unclear" || refusals[seen.code].transient;
  const retryAfterMs = code === "throttled-for-long" ? 6 * 60_000 : undefined;
  return {
    code,
    message: `${call.service} did not do ${call.operation}: ${code}.`,
    transient,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
