import { hash } from "node:crypto";
import type { SecretVersion } from "../../../src/domain/secretStore.ts";
import { newestFirst } from "../../../src/domain/secretVersions.ts";
import type { KeySlot, SecretAddress, Target } from "../../../src/domain/target.ts";
import type { BlobOperation } from "./blobModel.ts";
import { liveKeys, type ModelVersion, secretAt, type World, withSecret } from "./world.ts";

/** An answer, and the world after it. */
export interface Done<Answer> {
  readonly world: World;
  readonly answer: Answer;
}

export interface Refusal {
  readonly kind: "refused";
  readonly code: "not-found" | "conflict" | "not-sent";
}

/** The slot's old key is dead from here on; the other slot's is not touched. */
export function regenerate(
  world: World,
  target: Target,
  slot: KeySlot,
  clientRequestId: string,
): Done<{ readonly kind: "regenerated"; readonly key: string } | Refusal> {
  const model = world.targets[target.identity];
  // A gateway's request names no slot; one for an integration runtime's `key` cannot even be built.
  const named = target.kind === "gatewayV1" ? "key" : slot;
  if (target.kind === "integrationRuntime" && named === "key") return refused(world, "not-sent");
  if (model === undefined) return refused(world, "not-found");
  const madeBy = { ...model.madeBy, [named]: [...(model.madeBy[named] ?? []), clientRequestId] };
  const after = { ...world, targets: { ...world.targets, [target.identity]: { ...model, madeBy } } };
  return { world: after, answer: { kind: "regenerated", key: liveKeys(after, target)[named] ?? "" } };
}

export function listKeys(
  world: World,
  target: Target,
): Done<{ readonly kind: "keys"; readonly keys: Readonly<Record<string, string>> } | Refusal> {
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
 * The vault itself knows which version it took last. Of a secret whose last one is disabled nothing but the
 * list of versions can be had, and there the newest is the one that the list's order makes it.
 */
export function readLatest(world: World, address: SecretAddress): Done<LatestAnswer> {
  const { versions, deletion, ownedByCertificate } = secretAt(world, address);
  const last = versions.at(-1);
  if (last === undefined || deletion === "softDeleted") return { world, answer: { kind: "none" } };
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
): Done<{ readonly kind: "absent" } | { readonly kind: "softDeleted" }> {
  const { deletion } = secretAt(world, address);
  return { world, answer: { kind: deletion === "softDeleted" ? "softDeleted" : "absent" } };
}

export type VersionContent = Pick<ModelVersion, "value" | "tags" | "contentType" | "writtenBy">;

export function write(
  world: World,
  address: SecretAddress,
  { value, tags, contentType, writtenBy }: VersionContent,
): Done<{ readonly kind: "stored"; readonly version: ModelVersion } | Refusal> {
  const secret = secretAt(world, address);
  if (secret.deletion === "softDeleted" || secret.ownedByCertificate) return refused(world, "conflict");
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

export function onBlobs<Answer>(world: World, operation: BlobOperation<Answer>): Done<Answer> {
  const { blobs, answer } = operation(world.blobs, world.now);
  return { world: blobs === world.blobs ? world : { ...world, blobs }, answer };
}

/** In no order, as the vault's own. */
const versionId = ({ vaultUrl, secretName }: SecretAddress, number: number): string =>
  hash("sha1", `${vaultUrl}/${secretName.toLowerCase()} ${number}`).slice(0, 32);

const refused = (world: World, code: Refusal["code"]): Done<Refusal> => ({
  world,
  answer: { kind: "refused", code },
});
