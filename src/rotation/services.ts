import type { GatewayKeys, ListKeysOutcome } from "../domain/attempt.ts";
import type { BlobStore } from "../domain/blobStore.ts";
import { type Clock, clockResolutionMs } from "../domain/clock.ts";
import type { TargetInspector } from "../domain/inspection.ts";
import type { EventSink } from "../domain/rotationEvents.ts";
import type { Run } from "../domain/run.ts";
import type { SecretStore } from "../domain/secretStore.ts";
import type { TwoKeyTarget } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";

/** What the rotation engine acts through; it knows no SDK, no clock and no randomness but these. */
export interface RotationServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  /** Where the journals are. */
  readonly blobs: BlobStore;
  readonly events: EventSink;
  readonly clock: Clock;
  /** A fresh random GUID. */
  newGuid(): string;
}

/** One gateway's calls that count against the limits of Resource Manager and Key Vault. */
export interface Pace {
  /**
   * Waits until the subscription's writes and the vault's new versions have room for one rotation. The engine waits
   * before it claims the gateway, so that no key in hand waits for a limit.
   *
   * @param lastStart the latest time at which the rotation may start, in milliseconds since 1970
   * @param pauseMs how long the gateway pauses before it stands in line, in milliseconds
   * @returns how long it waited, in milliseconds; undefined: the wait would end too late
   */
  toRegenerate(lastStart: number, pauseMs?: number): Promise<number | undefined>;
  /** Waits for room, then lists a target's keys: that counts as a write too. */
  listKeys(target: TwoKeyTarget, lastStart: number): Promise<ListKeysOutcome>;
  /** Releases the room that the gateway was given and has not used. */
  end(): void;
}

/** What one invocation works with. */
export interface Work {
  readonly services: RotationServices & { readonly inspector: TargetInspector };
  readonly storage: StorageTerms;
  readonly terms: InvocationTerms;
}

/** What holds for one invocation. */
export interface InvocationTerms {
  /** Name of this deployment: it stands in `managed-by`, so that two deployments on one secret are noticed. */
  readonly deploymentName: string;
  /** The longest that an invocation can take, and so the longest that a runner can stall, in milliseconds. */
  readonly functionTimeoutMs: number;
  /** When this invocation must be done, in milliseconds since 1970: the platform's time-out less a margin. */
  readonly deadline: number;
  /** From when on nothing is begun, because somebody waits for an answer; what is begun is finished all the same. */
  readonly yieldAt?: number;
  /** The longest that one call to a service may take, in milliseconds. */
  readonly callTimeoutMs: number;
  /** Gateways that are rotated at the same time. */
  readonly concurrency: number;
}

/** What holds for all gateways of one run in one invocation. */
export interface RunTerms extends InvocationTerms {
  readonly run: Run;
  /** When the run was created, in milliseconds since 1970 by storage's clock. */
  readonly createdAt: number;
}

/** One to regenerate, one to store; the deadline itself leaves room for a last try. */
export const callsToRegenerate = 2;

/** Before all that: journal, latest version, a target's keys, a deleted secret, the preflight, the claim. */
export const callsToLook = callsToRegenerate + 6;

/** When something may begin at the latest that takes so many calls before the key must be stored. */
export const lastStart = (terms: InvocationTerms, calls: number): number =>
  Math.min(terms.deadline - calls * terms.callTimeoutMs, terms.yieldAt ?? Number.POSITIVE_INFINITY);

/** The platform kills a timed-out worker some seconds late: 6 to 7 were seen on the real Functions host. */
const graceMs = 60_000;

/**
 * The quiet period, in milliseconds: so long after an attempt was journaled it can take effect no more. Its process
 * began before that, is killed by the platform within the function time-out and its grace, and a request that it sent
 * last takes effect within the call time-out or never.
 */
export const quietPeriodMs = (terms: Pick<InvocationTerms, "functionTimeoutMs" | "callTimeoutMs">): number =>
  terms.functionTimeoutMs + graceMs + terms.callTimeoutMs + clockResolutionMs;

/** Storage, as one invocation uses it: no call begins after its deadline. */
export const storageTerms = (
  { blobs, clock }: Pick<RotationServices, "blobs" | "clock">,
  { deadline, callTimeoutMs }: Pick<InvocationTerms, "deadline" | "callTimeoutMs">,
): StorageTerms => ({ blobs, clock, lastStart: deadline, callTimeoutMs });
