import type { CallProblem } from "./attempt.ts";
import type { SecretVersion } from "./secretStore.ts";
import type { SecretAddress } from "./target.ts";

/** A version as Key Vault lists it. A list has no values. */
export interface ListedVersion extends SecretVersion {
  readonly enabled: boolean;
  /** Later than `createdOn` if an update changed the version's state, dates or tags. */
  readonly updatedOn: Date;
  readonly expiresOn?: Date | undefined;
}

export type Listing<T> =
  | { readonly kind: "listed"; readonly items: readonly T[] }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** Key Vault's lists. They need only the permission to list, not the one to get. */
export interface VaultHistory {
  /** The names of all secrets, except those of certificates. */
  secretNames(vaultUrl: string): Promise<Listing<string>>;
  /** All versions of a secret, in no order; none if the secret does not exist. */
  versions(address: SecretAddress): Promise<Listing<ListedVersion>>;
}
