import type { CallProblem } from "../../src/domain/attempt.ts";

/** A fault for the next call. */
export type ContractFault =
  | { readonly kind: "refused"; readonly code: RefusalCode }
  | { readonly kind: "lostBefore" | "lostAfter" | "late" };

/** Refusals: the call had no effect. `transient`: the same call may succeed later. */
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

/** Faults that hide the effect from the caller, with the code that the caller sees and when the effect comes. */
export const doubts = [
  { kind: "lostBefore", code: "connection-lost", effect: "never" },
  { kind: "lostAfter", code: "connection-lost", effect: "at once" },
  { kind: "late", code: "timed-out", effect: "later" },
] as const;
