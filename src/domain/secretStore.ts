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
  /** A certificate's secret: Key Vault itself writes it, and refuses everybody else's versions. */
  readonly ownedByCertificate: boolean;
}

/** The latest version of a secret. A disabled one has properties, but its value can be read by nobody. */
export type LatestVersion =
  | { readonly kind: "none" }
  | { readonly kind: "enabled"; readonly secret: SecretVersion; readonly key: Redacted }
  | { readonly kind: "disabled"; readonly secret: SecretVersion };

export type ReadOutcome = LatestVersion | { readonly kind: "failed"; readonly problem: CallProblem };

/** Whether a secret of that name waits in the vault's recycle bin: until it is recovered or purged no version is taken. */
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
 * - `stored`: the vault took it and echoed the very value that was sent.
 * - `refused`: a clear answer that it was not taken.
 * - `unclear`: a new version may or may not exist; read back to know.
 */
export type WriteOutcome =
  | { readonly kind: "stored"; readonly secret: SecretVersion }
  | { readonly kind: "refused" | "unclear"; readonly problem: CallProblem };

/** Key Vault, one call at a time and without retries; `address` says which of several vaults. */
export interface SecretStore {
  readLatest(address: SecretAddress): Promise<ReadOutcome>;
  readDeleted(address: SecretAddress): Promise<DeletedOutcome>;
  write(address: SecretAddress, version: NewVersion): Promise<WriteOutcome>;
}
