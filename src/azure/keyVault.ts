import type { TokenCredential } from "@azure/core-auth";
import type { KeyVaultSecret, SecretClient, SecretProperties } from "@azure/keyvault-secrets";
import type { CallProblem } from "../domain/attempt.ts";
import { redact, reveal, sameKey } from "../domain/redacted.ts";
import type {
  DeletedOutcome,
  NewVersion,
  ReadOutcome,
  SecretStore,
  SecretVersion,
  WriteOutcome,
} from "../domain/secretStore.ts";
import { newestFirst } from "../domain/secretVersions.ts";
import type { SecretAddress } from "../domain/target.ts";
import { classifyFailure, serviceError } from "./problem.ts";
import { callOverWire, type WireResult } from "./wire.ts";

export interface KeyVaultOptions {
  readonly credential: TokenCredential;
  /** The longest that one call may take, its token included, in milliseconds. */
  readonly callTimeoutMs: number;
}

interface Vault {
  readonly service: string;
  call<T>(send: (client: SecretClient, abortSignal: AbortSignal) => Promise<T>): Promise<WireResult<T>>;
}

/**
 * Key Vault's secrets, as far as keys need them: every vault that an address names, one client each. The SDK is
 * loaded by the first call. Never throws.
 */
export function createKeyVault(options: KeyVaultOptions): SecretStore {
  const vaults = new Map<string, Vault>();

  function vaultAt(vaultUrl: string): Vault {
    const known = vaults.get(vaultUrl);
    if (known !== undefined) return known;
    const opening = import("./secretClient.ts").then(({ openSecretClient }) =>
      openSecretClient(vaultUrl, options.credential),
    );
    const vault: Vault = {
      service: `Key Vault ${new URL(vaultUrl).host}`,
      async call(send) {
        const client = await opening;
        return callOverWire(options.callTimeoutMs, (signal) => send(client, signal));
      },
    };
    vaults.set(vaultUrl, vault);
    return vault;
  }

  async function readLatest(address: SecretAddress): Promise<ReadOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const result = await vault.call((client, abortSignal) =>
      client.getSecret(address.secretName, { abortSignal }),
    );
    if (result.kind === "value") {
      const secret = toVersion(result.value.properties);
      if (secret === undefined) return { kind: "failed", problem: unreadable(vault.service) };
      return { kind: "enabled", secret, key: redact((result.value.value ?? "").trim()) };
    }
    const { code, innerCode } = serviceError(result.wire.errorBody);
    if (code === "SecretNotFound") return { kind: "none" };
    if (innerCode === "SecretDisabled") return readDisabled(vault, address);
    return { kind: "failed", problem: classifyFailure(vault.service, result.error, result.wire).problem };
  }

  /** `get` of a disabled latest version is refused (403 `SecretDisabled`); the list still has its properties. */
  async function readDisabled(vault: Vault, address: SecretAddress): Promise<ReadOutcome> {
    const result = await vault.call(async (client, abortSignal) => {
      const versions: SecretVersion[] = [];
      for await (const properties of client.listPropertiesOfSecretVersions(address.secretName, {
        abortSignal,
      })) {
        const version = toVersion(properties);
        if (version !== undefined) versions.push(version);
      }
      return versions.sort(newestFirst)[0];
    });
    if (result.kind === "error") {
      return { kind: "failed", problem: classifyFailure(vault.service, result.error, result.wire).problem };
    }
    return result.value === undefined ? { kind: "none" } : { kind: "disabled", secret: result.value };
  }

  async function readDeleted(address: SecretAddress): Promise<DeletedOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const result = await vault.call((client, abortSignal) =>
      client.getDeletedSecret(address.secretName, { abortSignal }),
    );
    if (result.kind === "value") return { kind: "softDeleted" };
    if (serviceError(result.wire.errorBody).code === "SecretNotFound") return { kind: "absent" };
    return { kind: "failed", problem: classifyFailure(vault.service, result.error, result.wire).problem };
  }

  async function write(address: SecretAddress, version: NewVersion): Promise<WriteOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const { key, contentType, tags, expiresOn } = version;
    const result = await vault.call((client, abortSignal) =>
      client.setSecret(address.secretName, reveal(key), {
        abortSignal,
        contentType,
        tags: { ...tags },
        ...(expiresOn === undefined ? {} : { expiresOn: expiresOn < lastExpiry ? expiresOn : lastExpiry }),
      }),
    );
    if (result.kind === "value") return echoed(vault.service, result.value, version);
    const { certainty, problem } = classifyFailure(vault.service, result.error, result.wire, "its code");
    return { kind: certainty, problem };
  }

  return { readLatest, readDeleted, write };
}

/** keyvault-secrets 4.12.0 writes `exp` as a signed 32-bit integer: what lies beyond would come out negative. */
const lastExpiry = new Date((2 ** 31 - 1) * 1000);

/** A vault that echoes another value than it was sent has not stored ours, whatever its status says. */
function echoed(service: string, secret: KeyVaultSecret, sent: NewVersion): WriteOutcome {
  const stored = toVersion(secret.properties);
  if (stored === undefined || secret.value === undefined)
    return { kind: "unclear", problem: unreadable(service) };
  if (sameKey(redact(secret.value), sent.key)) return { kind: "stored", secret: stored };
  const message = `${service} answered 200, but with another value than the one it was sent.`;
  return { kind: "unclear", problem: { code: "other-value-echoed", message, transient: true } };
}

function unreadable(service: string): CallProblem {
  return {
    code: "unusable-answer",
    message: `${service} answered 200, but its body cannot be read.`,
    transient: true,
  };
}

function toVersion(properties: SecretProperties): SecretVersion | undefined {
  const { version, createdOn, tags, contentType, managed } = properties;
  if (version === undefined || createdOn === undefined) return undefined;
  return { version, createdOn, tags: { ...tags }, contentType, ownedByCertificate: managed === true };
}
