import { SecretClient, type SecretProperties } from "@azure/keyvault-secrets";
import { isLoopback } from "../domain/loopback.ts";
import type { ListedVersion, Listing, VaultHistory } from "../domain/secretStore.ts";
import { classifyFailure } from "./classifyFailure.ts";
import type { Credential } from "./credential.ts";
import { throttledPolicy } from "./throttledPolicy.ts";
import { callOverWire, userAgent, wirePolicy } from "./wire.ts";

export interface KeyVaultListsOptions {
  readonly credential: Credential;
  /** The time limit of one list with all its pages, in milliseconds. */
  readonly listTimeoutMs: number;
}

/**
 * Lists a vault's secrets and their versions. It sends list requests only, so no answer contains a value. Lists change
 * nothing, so the SDK's own retries stay on. The methods never throw.
 */
export function createKeyVaultLists({ credential, listTimeoutMs }: KeyVaultListsOptions): VaultHistory {
  const clients = new Map<string, SecretClient>();

  function clientOf(vaultUrl: string): SecretClient {
    const known = clients.get(vaultUrl);
    if (known !== undefined) return known;
    const client = new SecretClient(vaultUrl, credential, {
      userAgentOptions: { userAgentPrefix: userAgent },
      additionalPolicies: [
        { policy: throttledPolicy, position: "perCall" },
        { policy: wirePolicy(credential.refused), position: "perRetry" },
      ],
      // A loopback address belongs to no vault domain, so the SDK cannot check the challenge's resource.
      disableChallengeResourceVerification: isLoopback(new URL(vaultUrl).hostname),
    });
    clients.set(vaultUrl, client);
    return client;
  }

  async function list<T>(
    vaultUrl: string,
    ask: (client: SecretClient, abortSignal: AbortSignal) => AsyncIterable<SecretProperties>,
    read: (properties: SecretProperties) => readonly T[],
  ): Promise<Listing<T>> {
    const result = await callOverWire(listTimeoutMs, async (abortSignal) => {
      const items: T[] = [];
      for await (const properties of ask(clientOf(vaultUrl), abortSignal)) items.push(...read(properties));
      return items;
    });
    // The client keeps the refused token.
    if (result.wire.tokenRenewed) clients.delete(vaultUrl);
    if (result.kind === "value") return { kind: "listed", items: result.value };
    const service = `Key Vault ${new URL(vaultUrl).host}`;
    return { kind: "failed", problem: classifyFailure(service, result.error, result.wire).problem };
  }

  return {
    secretNames: (vaultUrl) =>
      list(
        vaultUrl,
        (client, abortSignal) => client.listPropertiesOfSecrets({ abortSignal }),
        ({ name, managed }) => (managed === true ? [] : [name]),
      ),
    versions: ({ vaultUrl, secretName }) =>
      list(
        vaultUrl,
        (client, abortSignal) => client.listPropertiesOfSecretVersions(secretName, { abortSignal }),
        (properties) => [toVersion(properties)],
      ),
  };
}

/** @throws TypeError if the answer lacks a part that every version has: an incomplete history proves nothing */
function toVersion(properties: SecretProperties): ListedVersion {
  const { version, createdOn, updatedOn, enabled, expiresOn, tags, contentType, managed } = properties;
  if (version === undefined || createdOn === undefined) throw new TypeError("A version has no id or no date");
  return {
    version,
    createdOn,
    updatedOn: updatedOn ?? createdOn,
    expiresOn,
    enabled: enabled !== false,
    tags: { ...tags },
    contentType,
    ownedByCertificate: managed === true,
  };
}
