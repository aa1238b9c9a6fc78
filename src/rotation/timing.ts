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

/** After which no attempt of anybody can still land: the longest stall and a call's time. */
export const settledAfterMs = (terms: InvocationTerms): number =>
  terms.functionTimeoutMs + terms.callTimeoutMs + clockResolutionMs;
