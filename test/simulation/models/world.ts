import type { Tags } from "../../../src/domain/secretStore.ts";
import { type SecretAddress, slotsOf, type Target } from "../../../src/domain/target.ts";
import type { BlobsSnapshot } from "./blobModel.ts";

/**
 * The complete state of all modelled services at one time: Resource Manager's keys, the vaults and blob storage. It
 * is plain data, and nothing changes it: each operation returns the next world. So every `World` is a snapshot.
 */
export interface World {
  /** The services' clock, in milliseconds since 1970. */
  readonly now: number;
  /** By identity. */
  readonly targets: Readonly<Record<string, ModelTarget>>;
  /** By the vault's URL, then by the secret's name in lower case. */
  readonly vaults: Readonly<Record<string, Readonly<Record<string, ModelSecret>>>>;
  readonly blobs: BlobsSnapshot;
}

/**
 * For each slot, the attempts (client request ids) that made its keys. Only the last key of a slot works. Numbers of keys
 * count within one slot, and numbers of versions within one secret. So two independent operations lead to the same world
 * in either order.
 */
type ModelTarget = Readonly<Record<string, readonly string[]>>;

export interface ModelSecret {
  /** Oldest first. */
  readonly versions: readonly ModelVersion[];
  /** When its deletion ends, in milliseconds since 1970: it is being deleted until then, and soft-deleted from then on. */
  readonly deletedAt: number | undefined;
  readonly ownedByCertificate: boolean;
}

export interface ModelVersion {
  /** 32 hex digits. */
  readonly id: string;
  readonly value: string;
  readonly tags: Tags;
  readonly contentType?: string | undefined;
  /** Whole seconds since 1970. */
  readonly createdOn: number;
  readonly enabled: boolean;
  /** The id of the runner that wrote it; empty: it was written outside this system. */
  readonly writtenBy: string;
}

/** A world of gateways with a working key in every slot, of vaults without secrets, and without blobs. */
export function createWorld(terms: {
  readonly now: number;
  readonly targets: readonly Target[];
  readonly vaultUrls: readonly string[];
}): World {
  const targets = terms.targets.map((target): [string, ModelTarget] => [
    target.identity,
    Object.fromEntries(slotsOf(target).map((slot) => [slot, []])),
  ]);
  return {
    now: terms.now,
    targets: Object.fromEntries(targets),
    vaults: Object.fromEntries(terms.vaultUrls.map((url) => [url, {}])),
    blobs: { writes: 0, blobs: [] },
  };
}

/** The working keys of a gateway by slot; none if the gateway does not exist. */
export function liveKeys(world: World, { identity }: Target): Readonly<Record<string, string>> {
  const made = Object.entries(world.targets[identity] ?? {});
  return Object.fromEntries(made.map(([slot, by]) => [slot, keyText(identity, slot, by.length)]));
}

/** A slot's first key has the number 1. No attempt made it. */
const keyText = (identity: string, slot: string, made: number): string => `${identity} ${slot} #${made + 1}`;

/** The attempts that took effect on a gateway, by the keys that they made. */
export function makers(world: World, { identity }: Target): ReadonlyMap<string, string> {
  const made = Object.entries(world.targets[identity] ?? {});
  return new Map(
    made.flatMap(([slot, by]) => by.map((attempt, i) => [keyText(identity, slot, i + 1), attempt] as const)),
  );
}

/** How often a gateway's keys were regenerated, all slots together. */
export function regenerations(world: World, { identity }: Target): number {
  return Object.values(world.targets[identity] ?? {}).reduce((sum, by) => sum + by.length, 0);
}

/** A string that two worlds share only if they are equal. It does not depend on which secret was written first. */
export function hashWorld(world: World): string {
  const vaults = Object.entries(world.vaults).map(([url, secrets]) => [
    url,
    Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return JSON.stringify({ ...world, vaults });
}

/** Whether the service accepts this key. */
export function accepts(world: World, target: Target, key: string): boolean {
  return Object.values(liveKeys(world, target)).includes(key);
}

/** The secret at an address, deleted or not. One that was never written has no versions. */
export function secretAt(world: World, { vaultUrl, secretName }: SecretAddress): ModelSecret {
  return world.vaults[vaultUrl]?.[secretName.toLowerCase()] ?? neverWritten;
}

const neverWritten: ModelSecret = { versions: [], deletedAt: undefined, ownedByCertificate: false };

export function withSecret(world: World, address: SecretAddress, secret: ModelSecret): World {
  const { vaultUrl, secretName } = address;
  const vault = { ...world.vaults[vaultUrl], [secretName.toLowerCase()]: secret };
  return { ...world, vaults: { ...world.vaults, [vaultUrl]: vault } };
}
