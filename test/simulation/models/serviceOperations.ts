import { hash } from "node:crypto";
import { newestFirst, type SecretVersion } from "../../../src/domain/secretStore.ts";
import { hasTwoKeys, type KeySlot, type SecretAddress, type Target } from "../../../src/domain/target.ts";
import type { BlobOperation } from "./blobModel.ts";
import { liveKeys, type ModelVersion, secretAt, type World, withSecret } from "./world.ts";

/** The answer of an operation, and the world after it. */
export interface OperationResult<Answer> {
  readonly world: World;
  readonly answer: Answer;
}

export interface Refusal {
  readonly kind: "refused";
  readonly code: "not-found" | "conflict" | "being-deleted" | "deleted-but-recoverable" | "not-sent";
}

/** Ends the slot's old key. The other slot's key stays. */
export function regenerate(
  world: World,
  target: Target,
  slot: KeySlot,
  clientRequestId: string,
): OperationResult<{ readonly kind: "regenerated"; readonly key: string } | Refusal> {
  const madeBy = world.targets[target.identity];
  // A version 1 request names no slot. A request for the slot `key` of an integration runtime cannot be built.
  const named = hasTwoKeys(target) ? slot : "key";
  if (hasTwoKeys(target) && named === "key") return refused(world, "not-sent");
  if (madeBy === undefined) return refused(world, "not-found");
  const made = { ...madeBy, [named]: [...(madeBy[named] ?? []), clientRequestId] };
  const after = { ...world, targets: { ...world.targets, [target.identity]: made } };
  return { world: after, answer: { kind: "regenerated", key: liveKeys(after, target)[named] ?? "" } };
}

export function listKeys(
  world: World,
  target: Target,
): OperationResult<{ readonly kind: "keys"; readonly keys: Readonly<Record<string, string>> } | Refusal> {
  if (world.targets[target.identity] === undefined) return refused(world, "not-found");
  return { world, answer: { kind: "keys", keys: liveKeys(world, target) } };
}

export type LatestAnswer =
  | { readonly kind: "none" }
  | {
      readonly kind: "enabled" | "disabled";
      readonly version: ModelVersion;
      readonly ownedByCertificate: boolean;
    };

/**
 * The vault returns the version that it took last. If that one is disabled, only the list of versions can be read, and
 * the product's order of that list decides which version is the newest.
 */
export function readLatest(world: World, address: SecretAddress): OperationResult<LatestAnswer> {
  const { versions, deletedAt, ownedByCertificate } = secretAt(world, address);
  const last = versions.at(-1);
  if (last === undefined || deletedAt !== undefined) return { world, answer: { kind: "none" } };
  if (last.enabled) return { world, answer: { kind: "enabled", version: last, ownedByCertificate } };
  const listed = versions.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const [version = last] = listed.sort((a, b) => newestFirst(toSecretVersion(a), toSecretVersion(b)));
  return { world, answer: { kind: "disabled", version, ownedByCertificate } };
}

export function toSecretVersion(version: ModelVersion, ownedByCertificate = false): SecretVersion {
  const { id, createdOn, tags, contentType } = version;
  return { version: id, createdOn: new Date(createdOn * 1000), tags, contentType, ownedByCertificate };
}

export function readDeleted(
  world: World,
  address: SecretAddress,
): OperationResult<{ readonly kind: "absent" } | { readonly kind: "softDeleted" }> {
  const { deletedAt = Number.POSITIVE_INFINITY } = secretAt(world, address);
  return { world, answer: { kind: deletedAt <= world.now ? "softDeleted" : "absent" } };
}

export type VersionContent = Pick<ModelVersion, "value" | "tags" | "contentType" | "writtenBy">;

export function write(
  world: World,
  address: SecretAddress,
  { value, tags, contentType, writtenBy }: VersionContent,
): OperationResult<{ readonly kind: "stored"; readonly version: ModelVersion } | Refusal> {
  const secret = secretAt(world, address);
  if (secret.deletedAt !== undefined)
    return refused(world, secret.deletedAt <= world.now ? "deleted-but-recoverable" : "being-deleted");
  if (secret.ownedByCertificate) return refused(world, "conflict");
  const version: ModelVersion = {
    id: versionId(address, secret.versions.length + 1),
    value,
    tags,
    contentType,
    createdOn: Math.floor(world.now / 1000),
    enabled: true,
    writtenBy,
  };
  const after = withSecret(world, address, { ...secret, versions: [...secret.versions, version] });
  return { world: after, answer: { kind: "stored", version } };
}

/** A blob operation as an operation on the world. */
export function onBlobs<Answer>(world: World, operation: BlobOperation<Answer>): OperationResult<Answer> {
  const { blobs, answer } = operation(world.blobs, world.now);
  return { world: blobs === world.blobs ? world : { ...world, blobs }, answer };
}

/** In no order, as in Key Vault. */
const versionId = ({ vaultUrl, secretName }: SecretAddress, number: number): string =>
  hash("sha1", `${vaultUrl}/${secretName.toLowerCase()} ${number}`).slice(0, 32);

const refused = (world: World, code: Refusal["code"]): OperationResult<Refusal> => ({
  world,
  answer: { kind: "refused", code },
});
