import { randomBytes } from "node:crypto";
import { ServiceError } from "./exchange.ts";
import type { SimulatedSecret, SimulatedVersion } from "./types.ts";

/** The parts of a version that a caller may set. */
export interface VersionContent {
  readonly value: string;
  readonly contentType?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly expires?: number | undefined;
  readonly enabled: boolean;
}

export interface Found {
  readonly secret: SimulatedSecret;
  readonly version: SimulatedVersion;
}

/** The secrets of one vault, with Key Vault's rules for versions and soft delete. Throws `ServiceError`s. */
export interface Secrets {
  /** By name in lower case: names compare without case. */
  readonly byName: Map<string, SimulatedSecret>;
  /** Adds a version. 409 if the secret is soft-deleted or belongs to a certificate. */
  set(name: string, content: VersionContent): Found;
  /** 404 if the secret does not exist or is soft-deleted. An empty `version` means the latest. */
  find(name: string, version: string): Found;
  /** Empty if the secret does not exist or is soft-deleted. */
  versions(name: string): readonly Found[];
  /** The latest version of each secret. */
  list(): readonly Found[];
  /** 404 if the secret is not soft-deleted. */
  findDeleted(name: string): Found;
}

/** @param now milliseconds since 1970 */
export function createSecrets(now: () => number): Secrets {
  const byName = new Map<string, SimulatedSecret>();

  function secretNamed(name: string, deleted: boolean): Found {
    const secret = byName.get(name.toLowerCase());
    const version = secret?.versions.at(-1);
    if (secret === undefined || version === undefined || secret.deleting || secret.deleted !== deleted)
      throw notFound(name);
    return { secret, version };
  }

  function find(name: string, version: string): Found {
    const latest = secretNamed(name, false);
    if (version === "") return latest;
    const found = latest.secret.versions.find((candidate) => candidate.version === version.toLowerCase());
    if (found === undefined) throw notFound(`${name}/${version}`);
    return { secret: latest.secret, version: found };
  }

  return {
    byName,
    find,
    set(name, content) {
      const secret = byName.get(name.toLowerCase()) ?? { name, versions: [], deleted: false, managed: false };
      refuseConflict(secret);
      // Key Vault's times have whole seconds.
      const created = Math.floor(now() / 1000);
      const version = { ...content, version: randomBytes(16).toString("hex"), created };
      secret.versions.push(version);
      byName.set(name.toLowerCase(), secret);
      return { secret, version };
    },
    versions(name) {
      const secret = byName.get(name.toLowerCase());
      if (secret === undefined || isGone(secret)) return [];
      return secret.versions.map((version) => ({ secret, version }));
    },
    list() {
      return [...byName.values()].flatMap((secret) => {
        const version = secret.versions.at(-1);
        return isGone(secret) || version === undefined ? [] : [{ secret, version }];
      });
    },
    findDeleted: (name) => secretNamed(name, true),
  };
}

const isGone = ({ deleted, deleting = false }: SimulatedSecret): boolean => deleted || deleting;

function refuseConflict({ name, deleted, deleting, managed }: SimulatedSecret): void {
  if (deleting) {
    const message = `Secret ${name} is currently being deleted.`;
    throw new ServiceError(409, "Conflict", message, { innerCode: "ObjectIsBeingDeleted" });
  }
  if (deleted) {
    throw new ServiceError(
      409,
      "Conflict",
      `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
      { innerCode: "ObjectIsDeletedButRecoverable" },
    );
  }
  if (managed) {
    throw new ServiceError(
      409,
      "Conflict",
      `Secret ${name} belongs to a certificate and cannot be set by itself.`,
    );
  }
}

function notFound(name: string): ServiceError {
  return new ServiceError(
    404,
    "SecretNotFound",
    `A secret with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command.`,
  );
}
