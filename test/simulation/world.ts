import type { Tags } from "../../src/domain/secretStore.ts";
import type { KeySlot, SecretAddress, Target, TargetKind } from "../../src/domain/target.ts";
import type { BlobsSnapshot } from "./blobs.ts";

/**
 * All that the services know at one moment: plain data that is never changed, only followed by the next one. To
 * keep a `World` is to have a snapshot of it, and no copy is ever needed.
 */
export interface World {
  /** The clock that everybody shares, in milliseconds since 1970. */
  readonly now: number;
  /** By identity. */
  readonly targets: Readonly<Record<string, ModelTarget>>;
  /** By URL of the vault, then by the secret's lower-cased name. */
  readonly vaults: Readonly<Record<string, Readonly<Record<string, ModelSecret>>>>;
  readonly blobs: BlobsSnapshot;
}

/** Keys and versions are numbered within their slot and secret, so that what is independent commutes. */
export interface ModelTarget {
  readonly kind: TargetKind;
  /** For each slot, by which attempts (client request ids) its keys were made; the last key of each is alive. */
  readonly madeBy: Readonly<Record<string, readonly string[]>>;
}

export interface ModelSecret {
  /** Oldest first. */
  readonly versions: readonly ModelVersion[];
  readonly deletion: "none" | "softDeleted";
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
  /** The runner that wrote it; empty: a person. */
  readonly writtenBy: string;
}

/** Targets with a live key in every slot, vaults without any secret, and no blobs. */
export function createWorld(terms: {
  readonly now: number;
  readonly targets: readonly Target[];
  readonly vaultUrls: readonly string[];
}): World {
  const targets = terms.targets.map(({ kind, identity }): [string, ModelTarget] => [
    identity,
    { kind, madeBy: Object.fromEntries(slots[kind].map((slot) => [slot, []])) },
  ]);
  return {
    now: terms.now,
    targets: Object.fromEntries(targets),
    vaults: Object.fromEntries(terms.vaultUrls.map((url) => [url, {}])),
    blobs: { writes: 0, blobs: [] },
  };
}

const slots = {
  gatewayV1: ["key"],
  integrationRuntime: ["authKey1", "authKey2"],
} as const satisfies Record<TargetKind, readonly KeySlot[]>;

/** The live keys of a target by slot; none where there is no such target. */
export function liveKeys(world: World, { identity }: Target): Readonly<Record<string, string>> {
  const made = Object.entries(world.targets[identity]?.madeBy ?? {});
  return Object.fromEntries(made.map(([slot, by]) => [slot, keyText(identity, slot, by.length)]));
}

/** A slot's first key has the number 1, and no attempt made it. */
const keyText = (identity: string, slot: string, made: number): string => `${identity} ${slot} #${made + 1}`;

/** The attempts that have taken effect on a target, by the keys that they made. */
export function makers(world: World, { identity }: Target): ReadonlyMap<string, string> {
  const made = Object.entries(world.targets[identity]?.madeBy ?? {});
  return new Map(
    made.flatMap(([slot, by]) => by.map((attempt, i) => [keyText(identity, slot, i + 1), attempt] as const)),
  );
}

/** How often a target's keys were regenerated, all slots together. */
export function regenerations(world: World, { identity }: Target): number {
  return Object.values(world.targets[identity]?.madeBy ?? {}).reduce((sum, by) => sum + by.length, 0);
}

/** A string that two worlds share only if they are equal, whichever secret was written first. */
export function hashWorld(world: World): string {
  const vaults = Object.entries(world.vaults).map(([url, secrets]) => [
    url,
    Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return JSON.stringify({ ...world, vaults });
}

export function accepts(world: World, target: Target, key: string): boolean {
  return Object.values(liveKeys(world, target)).includes(key);
}

/** The secret at an address, in whatever state; one that was never written has no versions. */
export function secretAt(world: World, { vaultUrl, secretName }: SecretAddress): ModelSecret {
  return world.vaults[vaultUrl]?.[secretName.toLowerCase()] ?? neverWritten;
}

const neverWritten: ModelSecret = { versions: [], deletion: "none", ownedByCertificate: false };

export function withSecret(world: World, address: SecretAddress, secret: ModelSecret): World {
  const { vaultUrl, secretName } = address;
  const vault = { ...world.vaults[vaultUrl], [secretName.toLowerCase()]: secret };
  return { ...world, vaults: { ...world.vaults, [vaultUrl]: vault } };
}
