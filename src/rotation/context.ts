import type { GatewayKeys, ListKeysOutcome } from "../domain/attempt.ts";
import type { BlobStore } from "../domain/blobStore.ts";
import { type Clock, clockResolutionMs } from "../domain/clock.ts";
import type { TargetInspector } from "../domain/inspection.ts";
import type { EventSink } from "../domain/rotationEvents.ts";
import type { LatestVersion, SecretStore } from "../domain/secretStore.ts";
import type { Gateway, Run, TwoKeyTarget } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { HeldJournal, Journals } from "../journal/journals.ts";
import type { MadeVersion } from "./outcome.ts";
import type { Preflight } from "./preflight.ts";

/** The engine acts through these alone: it uses no SDK, and no other clock or randomness. */
export interface RotationServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  /** Where the journals are. */
  readonly blobs: BlobStore;
  readonly events: EventSink;
  readonly clock: Clock;
  /** A fresh random GUID. */
  newGuid(): string;
  /** A random number from 0 to 1. */
  random(): number;
}

/** Paces one gateway's calls that count against a limit of Resource Manager or Key Vault. */
export interface Pace {
  /**
   * Waits until the subscription's writes and the vault's new versions have room for one rotation. The engine waits
   * before it claims the gateway, so that no regenerated key waits for a limit.
   *
   * @param lastStart the latest time at which the rotation may start, in milliseconds since 1970
   * @param pauseMs how long the gateway pauses before it joins the queue, in milliseconds
   * @returns how long it waited, in milliseconds; undefined: the wait would end too late
   */
  toRegenerate(lastStart: number, pauseMs?: number): Promise<number | undefined>;
  /**
   * Reserves room for the next try to store the gateway's key, ahead of all gateways that have not begun. After the wait,
   * the caller calls it again.
   *
   * @returns how long until the vault has room, in milliseconds; 0: now
   */
  toStore(): number;
  /**
   * Waits for room, then lists the two keys of an integration runtime: that counts as a write too.
   *
   * @param lastStart the latest time at which the call may start, in milliseconds since 1970
   */
  listKeys(target: TwoKeyTarget, lastStart: number): Promise<ListKeysOutcome>;
  /** Releases the room that the gateway reserved and did not use. */
  end(): void;
}

/** What one invocation works with. */
export interface Work {
  readonly services: RotationServices & { readonly inspector: TargetInspector };
  readonly storage: StorageTerms;
  readonly terms: InvocationTerms;
}

/** Storage, as one invocation uses it: no call starts after the invocation's deadline. */
export const storageTerms = (
  { blobs, clock }: Pick<RotationServices, "blobs" | "clock">,
  { deadline, callTimeoutMs }: Pick<InvocationTerms, "deadline" | "callTimeoutMs">,
): StorageTerms => ({ blobs, clock, lastStart: deadline, callTimeoutMs });

/** What holds for one invocation. */
export interface InvocationTerms {
  /** This deployment's name. The tag `managed-by` holds it, so that two deployments notice that they share a secret. */
  readonly deploymentName: string;
  /** The longest that an invocation can take, and so the longest that a runner can stall, in milliseconds. */
  readonly functionTimeoutMs: number;
  /** When this invocation must be done, in milliseconds since 1970: the platform's time-out less a margin. */
  readonly deadline: number;
  /**
   * When a waiting caller must get its answer, in milliseconds since 1970. After that no rotation starts, but a rotation
   * that has started is finished. Undefined: no caller waits.
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

/** The calls of a whole rotation. The first six: journal, latest version, list of keys, deleted secret, preflight, claim. */
export const callsOfRotation = 6 + callsFromRegenerate;

/**
 * The latest time at which a step may start.
 *
 * @param calls the number of calls from that step's first one to the store, at most
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

/** What a run's gateways share, and what the run knows about this one. */
export interface Turn {
  readonly journals: Journals;
  readonly preflight: Preflight;
  readonly pace: Pace;
  /** The gateway is settled in this run: at most its verification is due. */
  readonly isSettled: boolean;
  /** The versions whose rotations the run has reported. */
  readonly reported: readonly MadeVersion[];
  /** Called when a vault refuses the gateway's key: while the key waits, another gateway may take its place. */
  yield(): void;
}

/** All that one gateway's steps need. */
export interface Context extends Turn {
  readonly services: RotationServices;
  readonly gateway: Gateway;
  readonly terms: RunTerms;
}

/** A gateway's state as it was read last: its journal, and the latest version of its secret. */
export interface CurrentState {
  readonly held: HeldJournal;
  readonly latest: LatestVersion;
}
