import type { InvocationTerms } from "./services.ts";

/** One to regenerate, one to store; the deadline itself leaves room for a last try. */
export const callsToRegenerate = 2;

/** Before all that: journal, latest version, a target's keys, a deleted secret, the preflight, the claim. */
export const callsToLook = callsToRegenerate + 6;

/** When something may begin at the latest that takes so many calls before the key must be stored. */
export const lastStart = (terms: InvocationTerms, calls: number): number =>
  Math.min(terms.deadline - calls * terms.callTimeoutMs, terms.yieldAt ?? Number.POSITIVE_INFINITY);

/** Storage's clock has whole seconds: what is compared with a run's creation must not be finer. */
export const clockResolutionMs = 1000;

/** The platform kills a timed-out worker some seconds late: 6 to 7 were seen on the real Functions host. */
const graceMs = 60_000;

/**
 * The quiet period, in milliseconds: so long after an attempt was journaled it can take effect no more. Its process
 * began before that, is killed by the platform within the function time-out and its grace, and a request that it sent
 * last takes effect within the call time-out or never.
 */
export const quietPeriodMs = (terms: Pick<InvocationTerms, "functionTimeoutMs" | "callTimeoutMs">): number =>
  terms.functionTimeoutMs + graceMs + terms.callTimeoutMs + clockResolutionMs;
