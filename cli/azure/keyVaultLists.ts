import type { SecretClient, SecretProperties } from "@azure/keyvault-secrets";
import { failedRead } from "../../src/azure/classifyFailure.ts";
import { toVersion, vaultCalls } from "../../src/azure/keyVault.ts";
import type { ClientOptions } from "../../src/azure/wire.ts";
import type { SecretVersion } from "../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import { type Listing, throttledPolicy } from "./listing.ts";

/** A version as Key Vault lists it. A list has no values. */
export interface ListedVersion extends SecretVersion {
  readonly enabled: boolean;
  /** Later than `createdOn` if an update changed the version's state, dates or tags. */
  readonly updatedOn: Date;
  readonly expiresOn?: Date | undefined;
}

/** Key Vault's lists. They need only the permission to list, not the one to get. */
export interface VaultHistory {
  /** The names of all secrets, except those of certificates. */
  secretNames(vaultUrl: string): Promise<Listing<string>>;
  /** All versions of a secret, in no order; none if the secret does not exist. */
  versions(address: SecretAddress): Promise<Listing<ListedVersion>>;
}

/**
 * Lists a vault's secrets and their versions. It sends list requests only, so no answer contains a value. Lists change
 * nothing, so the SDK's own retries stay on. The methods never throw.
 *
 * @param options `callTimeoutMs`: of one list with all its pages
 */
export function createKeyVaultLists(options: ClientOptions): VaultHistory {
  const call = vaultCalls(options, {
    additionalPolicies: [{ policy: throttledPolicy, position: "perCall" }],
  });

  async function list<T>(
    vaultUrl: string,
    ask: (client: SecretClient, abortSignal: AbortSignal) => AsyncIterable<SecretProperties>,
    read: (properties: SecretProperties) => T | readonly T[],
  ): Promise<Listing<T>> {
    const result = await call({ vaultUrl }, async (client, abortSignal) =>
      (await Array.fromAsync(ask(client, abortSignal))).flatMap(read),
    );
    return result.kind === "value" ? { kind: "listed", items: result.value } : failedRead(result);
  }

  return {
    secretNames: (vaultUrl) =>
      list(
        vaultUrl,
        (client, abortSignal) => client.listPropertiesOfSecrets({ abortSignal }),
        ({ name, managed }) => (managed === true ? [] : name),
      ),
    versions: ({ vaultUrl, secretName }) =>
      list(
        vaultUrl,
        (client, abortSignal) => client.listPropertiesOfSecretVersions(secretName, { abortSignal }),
        toListed,
      ),
  };
}

function toListed(properties: SecretProperties): ListedVersion {
  const version = toVersion(properties);
  const { updatedOn = version.createdOn, enabled, expiresOn } = properties;
  return { ...version, updatedOn, expiresOn, enabled: enabled !== false };
}
