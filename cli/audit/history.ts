import { newestFirst, sequenceOf, writtenByUs } from "../../src/domain/secretVersions.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import type { ListedVersion } from "../../src/domain/vaultHistory.ts";

/** One secret's versions, with what is expected of it. */
export interface SecretHistory {
  readonly address: SecretAddress;
  /** As gateways.json calls it; undefined where the secret was found in the vault alone. */
  readonly gatewayName: string | undefined;
  /** Oldest first: by date, and within Key Vault's whole seconds by our own `sequence`. */
  readonly versions: readonly ListedVersion[];
}

export interface Policy {
  /** The longest that a key may live, in days. Undefined: nobody has said, and pauses are not judged. */
  readonly everyDays: number | undefined;
}

export const oldestFirst = (versions: readonly ListedVersion[]): readonly ListedVersion[] =>
  versions.toSorted(newestFirst).reverse();

/** A secret is this system's as soon as one of its versions is. */
export const isOurs = ({ versions }: Pick<SecretHistory, "versions">): boolean => versions.some(writtenByUs);

/** What people call it. */
export const nameOf = ({ gatewayName, address }: SecretHistory): string => gatewayName ?? address.secretName;

/** A version's name in a sentence: its number, or the beginning of its id. */
export function versionName(version: ListedVersion): string {
  const sequence = sequenceOf(version);
  return sequence === undefined ? `version ${version.version.slice(0, 8)}…` : `number ${sequence}`;
}
