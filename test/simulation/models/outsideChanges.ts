import type { SecretAddress } from "../../../src/domain/target.ts";
import { type VersionContent, write } from "./serviceOperations.ts";
import { secretAt, type World, withSecret } from "./world.ts";

/** What people do to a vault behind the system's back. */

/** @throws where the vault takes no version of this secret from anybody */
export function writeByHand(
  world: World,
  address: SecretAddress,
  content: Omit<VersionContent, "writtenBy">,
): World {
  const done = write(world, address, { ...content, writtenBy: "" });
  if (done.answer.kind === "refused") throw new Error(`writeByHand: the vault answers ${done.answer.code}`);
  return done.world;
}

/** Disables the version that the vault took last. */
export function disableLatest(world: World, address: SecretAddress): World {
  const secret = secretAt(world, address);
  const last = secret.versions.length - 1;
  const versions = secret.versions.map((version, i) =>
    i === last ? { ...version, enabled: false } : version,
  );
  return withSecret(world, address, { ...secret, versions });
}

export function softDelete(world: World, address: SecretAddress): World {
  return withSecret(world, address, { ...secretAt(world, address), deletion: "softDeleted" });
}

export function ownByCertificate(world: World, address: SecretAddress): World {
  return withSecret(world, address, { ...secretAt(world, address), ownedByCertificate: true });
}
