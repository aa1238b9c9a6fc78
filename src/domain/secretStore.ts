import type { Failed, NotWritten } from "./attempt.ts";
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

export const versionOf = (latest: LatestVersion): SecretVersion | undefined =>
  latest.kind === "none" ? undefined : latest.secret;

export type ReadOutcome = LatestVersion | Failed;

/** `softDeleted`: the vault refuses versions of this name until the deleted secret is recovered or purged. */
export type DeletedOutcome = { readonly kind: "absent" | "softDeleted" } | Failed;

export interface NewVersion {
  readonly key: Redacted;
  /** At most 255 characters. */
  readonly contentType: string;
  /** At most 15, of at most 256 characters each. */
  readonly tags: Tags;
  readonly expiresOn?: Date | undefined;
}

/** `stored`: the vault accepted the version and echoed the value that was sent. After `unclear`, a read shows the result. */
export type WriteOutcome = { readonly kind: "stored"; readonly secret: SecretVersion } | NotWritten;

/** Key Vault. Each method is one call without retries, to the vault of its `address`. */
export interface SecretStore {
  readLatest(address: SecretAddress): Promise<ReadOutcome>;
  readDeleted(address: SecretAddress): Promise<DeletedOutcome>;
  write(address: SecretAddress, version: NewVersion): Promise<WriteOutcome>;
}

/** The secret that a run writes to check whether a vault accepts writes. It contains no key. */
export const preflightSecretName = "gateway-key-rotation-preflight";

const product = "gateway-key-rotation/";

/** The value of the tag `managed-by`: it names the deployment that wrote a version. */
export const managedBy = (deploymentName: string): string => `${product}${deploymentName}`;

/** Whether this system wrote the version, in any deployment. */
export const writtenByUs = (version: SecretVersion): boolean =>
  version.tags["managed-by"]?.startsWith(product) ?? false;

/**
 * Compares versions so that the newest comes first. Key Vault lists them by version id and has `created` in whole
 * seconds. Within one second our own `sequence` tag decides.
 */
export function newestFirst(a: SecretVersion, b: SecretVersion): number {
  const byTime = b.createdOn.getTime() - a.createdOn.getTime();
  return byTime !== 0 ? byTime : (sequenceOf(b) ?? 0) - (sequenceOf(a) ?? 0);
}

/** The version's number in its secret's history, from 1; undefined if the tag is missing or not a number. */
export function sequenceOf(version: SecretVersion): number | undefined {
  const tag = version.tags["sequence"];
  return tag !== undefined && /^[1-9]\d{0,14}$/.test(tag) ? Number(tag) : undefined;
}
