import type { CallProblem } from "../../src/domain/attempt.ts";

/** What the next call of a subject meets. */
export type ContractFault =
  | { readonly kind: "refused"; readonly code: RefusalCode }
  | { readonly kind: "lostBefore" | "lostAfter" | "late" };

/** Clear answers that nothing was done, and whether waiting helps. */
export const refusals = [
  { code: "bad-request", status: 400, transient: false },
  { code: "unauthenticated", status: 401, transient: false },
  { code: "forbidden", status: 403, transient: false },
  { code: "not-found", status: 404, transient: false },
  { code: "conflict", status: 409, transient: true },
  { code: "precondition-failed", status: 412, transient: true },
  { code: "throttled", status: 429, transient: true },
] as const satisfies readonly (Pick<CallProblem, "code" | "transient"> & { readonly status: number })[];

export type RefusalCode = (typeof refusals)[number]["code"];

/** Faults after which the caller cannot know, the code that it sees, and whether the effect is there by then. */
export const doubts = [
  { kind: "lostBefore", code: "connection-lost", effect: "never" },
  { kind: "lostAfter", code: "connection-lost", effect: "at once" },
  { kind: "late", code: "timed-out", effect: "later" },
] as const;
