import type { SecretAddress } from "../../../src/domain/target.ts";
import { type VersionContent, write } from "./serviceOperations.ts";
import { secretAt, type World, withSecret } from "./world.ts";

/** Changes of a vault that are made outside this system. */

/** Writes a version outside this system. @throws if the vault refuses every version of this secret */
export function writeOutside(
  world: World,
  address: SecretAddress,
  content: Omit<VersionContent, "writtenBy">,
): World {
  const { world: after, answer } = write(world, address, { ...content, writtenBy: "" });
  if (answer.kind === "refused") throw new Error(`writeOutside: the vault answers ${answer.code}`);
  return after;
}

/** Disables the version that was written last. */
export function disableLatest(world: World, address: SecretAddress): World {
  const secret = secretAt(world, address);
  const last = secret.versions.length - 1;
  const versions = secret.versions.map((version, i) =>
    i === last ? { ...version, enabled: false } : version,
  );
  return withSecret(world, address, { ...secret, versions });
}

/** @param forMs how long the vault takes to delete it */
export function softDelete(world: World, address: SecretAddress, forMs = 0): World {
  return withSecret(world, address, { ...secretAt(world, address), deletedAt: world.now + forMs });
}

export function ownByCertificate(world: World, address: SecretAddress): World {
  return withSecret(world, address, { ...secretAt(world, address), ownedByCertificate: true });
}
