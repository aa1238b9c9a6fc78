import type { CallProblem } from "./attempt.ts";
import type { Redacted } from "./redacted.ts";
import type { SecretAddress } from "./target.ts";

export type Tags = Readonly<Record<string, string>>;

export interface SecretVersion {
  /** Key Vault's id of the version: 32 hex digits. */
  readonly version: string;
  readonly createdOn: Date;
  readonly tags: Tags;
  readonly contentType?: string | undefined;
  /** The secret belongs to a certificate: Key Vault writes it, and refuses versions from every other writer. */
  readonly ownedByCertificate: boolean;
}

/** The latest version of a secret. Key Vault shows the properties of a disabled one, but not its value. */
export type LatestVersion =
  | { readonly kind: "none" }
  | { readonly kind: "enabled"; readonly secret: SecretVersion; readonly key: Redacted }
  | { readonly kind: "disabled"; readonly secret: SecretVersion };

export type ReadOutcome = LatestVersion | { readonly kind: "failed"; readonly problem: CallProblem };

/** `softDeleted`: the vault refuses versions of this name until the deleted secret is recovered or purged. */
export type DeletedOutcome =
  | { readonly kind: "absent" | "softDeleted" }
  | { readonly kind: "failed"; readonly problem: CallProblem };

export interface NewVersion {
  readonly key: Redacted;
  /** At most 255 characters. */
  readonly contentType: string;
  /** At most 15, of at most 256 characters each. */
  readonly tags: Tags;
  readonly expiresOn?: Date | undefined;
}

/**
 * - `stored`: the vault accepted the version and echoed the value that was sent.
 * - `refused`: the vault did not accept the version.
 * - `unclear`: there may be a new version, now or in a moment. Read it back to know.
 */
export type WriteOutcome =
  | { readonly kind: "stored"; readonly secret: SecretVersion }
  | { readonly kind: "refused" | "unclear"; readonly problem: CallProblem };

/** Key Vault. Each method is one call without retries, to the vault of its `address`. */
export interface SecretStore {
  readLatest(address: SecretAddress): Promise<ReadOutcome>;
  readDeleted(address: SecretAddress): Promise<DeletedOutcome>;
  write(address: SecretAddress, version: NewVersion): Promise<WriteOutcome>;
}
