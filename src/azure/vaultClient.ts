import { SecretClient, type SecretClientOptions, type SecretProperties } from "@azure/keyvault-secrets";
import { type Redacted, redact, reveal } from "../domain/redacted.ts";
import type { NewVersion, SecretVersion } from "../domain/secretStore.ts";
import { isLoopback } from "../domain/target.ts";
import type { Credential } from "./credential.ts";
import { userAgent, wirePolicy } from "./wire.ts";

/** A version in an answer; `secret` is undefined where the answer leaves out what every version has. */
export interface AnsweredVersion {
  readonly secret: SecretVersion | undefined;
  /** Undefined where the answer has no value. */
  readonly key: Redacted | undefined;
}

/** Opens the SDK's client of one vault, for {@link callOverWire}. */
export function openSecretClient(
  vaultUrl: string,
  credential: Credential,
  { additionalPolicies = [], ...options }: SecretClientOptions,
): SecretClient {
  return new SecretClient(vaultUrl, credential, {
    ...options,
    userAgentOptions: { userAgentPrefix: userAgent },
    additionalPolicies: [
      ...additionalPolicies,
      { policy: wirePolicy(credential.refused), position: "perRetry" },
    ],
    // A loopback address belongs to no vault domain, so the SDK cannot check the challenge's resource.
    disableChallengeResourceVerification: isLoopback(new URL(vaultUrl).hostname),
  });
}

/** The requests of one vault. A key is `Redacted` as soon as its answer is here. Each throws what the SDK throws. */
export type VaultClient = ReturnType<typeof openVaultClient>;

/**
 * Opens a client that sends one request a call: a retry after a lost answer would make a second version. A module of
 * its own, so that the bundle loads the SDK lazily.
 */
export function openVaultClient(vaultUrl: string, credential: Credential) {
  const client = openSecretClient(vaultUrl, credential, {
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
  });
  return {
    /** @returns the key without the white space around it */
    async getLatest(secretName: string, abortSignal: AbortSignal) {
      const { properties, value } = await client.getSecret(secretName, { abortSignal });
      return toAnswered(properties, value?.trim());
    },
    async listVersions(secretName: string, abortSignal: AbortSignal): Promise<readonly SecretVersion[]> {
      const versions: SecretVersion[] = [];
      for await (const properties of client.listPropertiesOfSecretVersions(secretName, { abortSignal })) {
        const version = toVersion(properties);
        if (version !== undefined) versions.push(version);
      }
      return versions;
    },
    async getDeleted(secretName: string, abortSignal: AbortSignal) {
      await client.getDeletedSecret(secretName, { abortSignal });
    },
    /** @returns the version and the key that the vault echoes */
    async set(secretName: string, version: NewVersion, abortSignal: AbortSignal) {
      const { key, contentType, tags, expiresOn } = version;
      const expiry =
        expiresOn === undefined ? {} : { expiresOn: expiresOn < lastExpiry ? expiresOn : lastExpiry };
      const options = { abortSignal, contentType, tags: { ...tags }, ...expiry };
      const { properties, value } = await client.setSecret(secretName, reveal(key), options);
      return toAnswered(properties, value);
    },
  };
}

/** keyvault-secrets 4.12.0 writes `exp` as a signed 32-bit integer: a later date would come out negative. */
const lastExpiry = new Date((2 ** 31 - 1) * 1000);

function toAnswered(properties: SecretProperties, value: string | undefined): AnsweredVersion {
  return { secret: toVersion(properties), key: value === undefined ? undefined : redact(value) };
}

/** @returns undefined where the answer leaves out what every version has */
export function toVersion(properties: SecretProperties): SecretVersion | undefined {
  const { version, createdOn, tags, contentType, managed } = properties;
  if (version === undefined || createdOn === undefined) return undefined;
  return { version, createdOn, tags: { ...tags }, contentType, ownedByCertificate: managed === true };
}
