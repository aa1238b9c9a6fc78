import type { GatewayKeys, ListKeysOutcome } from "../domain/attempt.ts";
import type { BlobStore } from "../domain/blobStore.ts";
import type { Clock } from "../domain/clock.ts";
import type { TargetInspector } from "../domain/inspection.ts";
import type { EventSink } from "../domain/rotationEvents.ts";
import type { SecretStore } from "../domain/secretStore.ts";
import type { TwoKeyTarget } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { InvocationTerms } from "./terms.ts";

/** All that the rotation engine acts through: it knows no SDK, no clock and no randomness but these. */
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

/** The calls of one gateway that count against a limit of Resource Manager or Key Vault. */
export interface Pace {
  /**
   * Waits until the subscription's writes and the vault's new versions have room for one rotation. The engine waits
   * before it claims the gateway, so that no key in hand waits for a limit.
   *
   * @param lastStart the latest time at which the rotation may start, in milliseconds since 1970
   * @param pauseMs how long the gateway pauses before it waits in line, in milliseconds
   * @returns how long it waited, in milliseconds; undefined: the wait would end too late
   */
  toRegenerate(lastStart: number, pauseMs?: number): Promise<number | undefined>;
  /**
   * Reserves room for the next try to store the gateway's key, before all gateways that have not begun. After the wait
   * the caller asks again.
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
  /** Releases the room that the gateway was given and has not used. */
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
