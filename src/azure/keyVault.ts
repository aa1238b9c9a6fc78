import type { SecretClient, SecretClientOptions, SecretProperties } from "@azure/keyvault-secrets";
import { redact, reveal, sameKey } from "../domain/redacted.ts";
import {
  newestFirst,
  type ReadOutcome,
  type SecretStore,
  type SecretVersion,
} from "../domain/secretStore.ts";
import { isLoopback, type SecretAddress } from "../domain/target.ts";
import { classifyFailure, failedRead, serviceError } from "./classifyFailure.ts";
import { type ClientCall, type ClientOptions, callsThrough, userAgent, wirePolicy } from "./wire.ts";

/**
 * The secrets of every vault that an address names. A call is one HTTP request (a list: one for each page), without the
 * SDK's retries: after a lost answer, a retry would make a second version. A vault's first call also gets the challenge.
 * The first call loads the SDK. The methods never throw.
 */
export function createKeyVault(options: ClientOptions): SecretStore {
  const call = vaultCalls(options, { retryOptions: { maxRetries: 0 }, redirectOptions: { maxRetries: 0 } });

  /** The vault refuses `get` of a disabled latest version (403 `SecretDisabled`), but lists its properties. */
  async function readDisabled(address: SecretAddress): Promise<ReadOutcome> {
    const result = await call(address, async (client, abortSignal) => {
      const listed = client.listPropertiesOfSecretVersions(address.secretName, { abortSignal });
      return (await Array.fromAsync(listed)).map(toVersion).toSorted(newestFirst);
    });
    if (result.kind === "error") return failedRead(result);
    const [latest] = result.value;
    return latest === undefined ? { kind: "none" } : { kind: "disabled", secret: latest };
  }

  return {
    async readLatest(address) {
      const result = await call(address, async (client, abortSignal) => {
        const { properties, value } = await client.getSecret(address.secretName, { abortSignal });
        // White space around a key is not part of it.
        return toAnswered(properties, value?.trim());
      });
      if (result.kind === "value") return { kind: "enabled", ...result.value };
      const { code, innerCode } = serviceError(result.wire);
      if (code === "SecretNotFound") return { kind: "none" };
      if (innerCode === "SecretDisabled") return readDisabled(address);
      return failedRead(result);
    },

    async readDeleted(address) {
      const result = await call(address, async (client, abortSignal) => {
        await client.getDeletedSecret(address.secretName, { abortSignal });
      });
      if (result.kind === "value") return { kind: "softDeleted" };
      return serviceError(result.wire).code === "SecretNotFound" ? { kind: "absent" } : failedRead(result);
    },

    async write(address, version) {
      const { key, contentType, tags, expiresOn } = version;
      const expiry =
        expiresOn === undefined ? {} : { expiresOn: expiresOn < lastExpiry ? expiresOn : lastExpiry };
      const result = await call(address, async (client, abortSignal) => {
        const options = { abortSignal, contentType, tags: { ...tags }, ...expiry };
        const { properties, value } = await client.setSecret(address.secretName, reveal(key), options);
        return toAnswered(properties, value);
      });
      if (result.kind === "error") return classifyFailure(result, "code");
      const { secret, key: echoed } = result.value;
      if (sameKey(echoed, key)) return { kind: "stored", secret };
      // A vault that echoes another value has not stored the request's, whatever its status is.
      const message = `${result.wire.service} answered 200, but its answer has another value than the request.`;
      return { kind: "unclear", problem: { code: "other-value-echoed", message, transient: true } };
    },
  };
}

/** Calls to vaults, through one client for each. */
export function vaultCalls(
  { credential, callTimeoutMs }: ClientOptions,
  { additionalPolicies = [], ...options }: SecretClientOptions,
) {
  const vaults = new Map<string, ClientCall<SecretClient>>();

  function open(vaultUrl: string): ClientCall<SecretClient> {
    const { host, hostname } = new URL(vaultUrl);
    const load = () => import("@azure/keyvault-secrets");
    return callsThrough(`Key Vault ${host}`, load, ({ SecretClient }) => {
      const wire = { policy: wirePolicy(credential.refused), position: "perRetry" } as const;
      return new SecretClient(vaultUrl, credential, {
        ...options,
        userAgentOptions: { userAgentPrefix: userAgent },
        additionalPolicies: [...additionalPolicies, wire],
        // A loopback address belongs to no vault domain, so the SDK cannot check the challenge's resource.
        disableChallengeResourceVerification: isLoopback(hostname),
      });
    });
  }

  return <T>(
    { vaultUrl }: Pick<SecretAddress, "vaultUrl">,
    send: (client: SecretClient, abortSignal: AbortSignal) => Promise<T>,
  ) => {
    const call = vaults.get(vaultUrl) ?? open(vaultUrl);
    vaults.set(vaultUrl, call);
    return call(callTimeoutMs, send);
  };
}

/** keyvault-secrets 4.12.0 writes `exp` as a signed 32-bit integer: a later date would become negative. */
const lastExpiry = new Date((2 ** 31 - 1) * 1000);

/**
 * The key is `Redacted` from here on.
 *
 * @throws TypeError if the answer lacks a part that every version has
 */
function toAnswered(properties: SecretProperties, value: string | undefined) {
  if (value === undefined) throw new TypeError("A secret has no value");
  return { secret: toVersion(properties), key: redact(value) };
}

/** @throws TypeError if the answer lacks a part that every version has: an incomplete history proves nothing */
export function toVersion(properties: SecretProperties): SecretVersion {
  const { version, createdOn, tags, contentType, managed } = properties;
  if (version === undefined || createdOn === undefined) throw new TypeError("A version has no id or no date");
  return { version, createdOn, tags: { ...tags }, contentType, ownedByCertificate: managed === true };
}
