import type { CallProblem } from "./attempt.ts";
import type { SecretVersion } from "./secretStore.ts";
import type { SecretAddress } from "./target.ts";

/** A version with all that a list tells of it; its value is not part of a list. */
export interface ListedVersion extends SecretVersion {
  readonly enabled: boolean;
  /** Later than `createdOn` where somebody has changed its state, its dates or its tags. */
  readonly updatedOn: Date;
  readonly expiresOn?: Date | undefined;
}

export type Listing<T> =
  | { readonly kind: "listed"; readonly items: readonly T[] }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** Key Vault's lists, which need the permission to list and none to get. */
export interface VaultHistory {
  /** The names of all secrets that belong to no certificate. */
  secretNames(vaultUrl: string): Promise<Listing<string>>;
  /** All versions of a secret, in no order; none where there is no such secret. */
  versions(address: SecretAddress): Promise<Listing<ListedVersion>>;
}
