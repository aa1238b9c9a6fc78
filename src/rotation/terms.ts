import { clockResolutionMs } from "../domain/clock.ts";
import type { Run } from "../domain/target.ts";

/** What holds for one invocation. */
export interface InvocationTerms {
  /** This deployment's name. The tag `managed-by` holds it, so that two deployments notice that they share a secret. */
  readonly deploymentName: string;
  /** The longest that an invocation can take, and so the longest that a runner can stall, in milliseconds. */
  readonly functionTimeoutMs: number;
  /** When this invocation must be done, in milliseconds since 1970: the platform's time-out less a margin. */
  readonly deadline: number;
  /**
   * When a caller has to be answered, in milliseconds since 1970: from then on nothing is started, and what was started
   * is finished all the same. Undefined: no caller waits.
   */
  readonly yieldAt?: number;
  /** The longest that one call to a service may take, in milliseconds. */
  readonly callTimeoutMs: number;
  /** How many gateways of one subscription are rotated at the same time. */
  readonly concurrency: number;
}

/** What holds for all gateways of one run in one invocation. */
export interface RunTerms extends InvocationTerms {
  readonly run: Run;
  /** When the run was created, in milliseconds since 1970 by storage's clock. */
  readonly createdAt: number;
}

/** The calls from the regenerate on: regenerate, store. The deadline itself leaves room for a last try to store. */
export const callsFromRegenerate = 2;

/** The calls of a whole rotation; first: journal, latest version, list of keys, deleted secret, preflight, claim. */
export const callsOfRotation = 6 + callsFromRegenerate;

/**
 * The latest time at which a step may start.
 *
 * @param calls how many calls there may be from that step's first one to the store
 * @returns milliseconds since 1970
 */
export const lastStartFor = (terms: InvocationTerms, calls: number): number =>
  Math.min(terms.deadline - calls * terms.callTimeoutMs, terms.yieldAt ?? Number.POSITIVE_INFINITY);

/** The platform kills a timed-out worker some seconds late: 6 to 7 were seen on the real Functions host. */
const graceMs = 60_000;

/**
 * How long after an attempt was journaled it can still take effect, in milliseconds. Its process began before that, and
 * the platform kills the process within the function time-out and the grace. The request that the process sends last
 * takes effect within the call time-out or never.
 */
export const quietPeriodMs = (terms: Pick<InvocationTerms, "functionTimeoutMs" | "callTimeoutMs">): number =>
  terms.functionTimeoutMs + graceMs + terms.callTimeoutMs + clockResolutionMs;

/** The pauses before what may pass by itself is tried again, in milliseconds: 1, 2, 4 … at most 30 seconds. */
export const firstPauseMs = 1000;
export const nextPause = (pauseMs: number): number => Math.min(2 * pauseMs, 30_000);
