import type { CallProblem } from "../domain/attempt.ts";
import { sameKey } from "../domain/redacted.ts";
import {
  type DeletedOutcome,
  type NewVersion,
  newestFirst,
  type ReadOutcome,
  type SecretStore,
  type WriteOutcome,
} from "../domain/secretStore.ts";
import type { SecretAddress } from "../domain/target.ts";
import { classifyFailure, failedRead, serviceError } from "./classifyFailure.ts";
import type { Credential } from "./credential.ts";
import type { AnsweredVersion, VaultClient } from "./vaultClient.ts";
import { callOverWire, type WireResult } from "./wire.ts";

export interface KeyVaultOptions {
  readonly credential: Credential;
  /** The time limit of one call, its token included, in milliseconds. */
  readonly callTimeoutMs: number;
}

interface Vault {
  readonly service: string;
  call<T>(send: (client: VaultClient, abortSignal: AbortSignal) => Promise<T>): Promise<WireResult<T>>;
}

/**
 * The secrets of every vault that an address names, with one client for each vault. The first call loads the SDK. The
 * methods never throw.
 */
export function createKeyVault(options: KeyVaultOptions): SecretStore {
  const vaults = new Map<string, Vault>();

  function vaultAt(vaultUrl: string): Vault {
    const known = vaults.get(vaultUrl);
    if (known !== undefined) return known;
    const opening = import("./vaultClient.ts").then(({ openVaultClient }) =>
      openVaultClient(vaultUrl, options.credential),
    );
    const vault: Vault = {
      service: `Key Vault ${new URL(vaultUrl).host}`,
      async call(send) {
        const client = await opening;
        const result = await callOverWire(options.callTimeoutMs, (signal) => send(client, signal));
        // The client keeps the refused token.
        if (result.wire.tokenRenewed) vaults.delete(vaultUrl);
        return result;
      },
    };
    vaults.set(vaultUrl, vault);
    return vault;
  }

  async function readLatest(address: SecretAddress): Promise<ReadOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const result = await vault.call((client, signal) => client.getLatest(address.secretName, signal));
    if (result.kind === "value") {
      const { secret, key } = result.value;
      return secret === undefined || key === undefined
        ? { kind: "failed", problem: unreadable(vault.service) }
        : { kind: "enabled", secret, key };
    }
    const { code, innerCode } = serviceError(result.wire.errorBody);
    if (code === "SecretNotFound") return { kind: "none" };
    if (innerCode === "SecretDisabled") return readDisabled(vault, address);
    return failedRead(vault.service, result);
  }

  /** The vault refuses `get` of a disabled latest version (403 `SecretDisabled`), but lists its properties. */
  async function readDisabled(vault: Vault, address: SecretAddress): Promise<ReadOutcome> {
    const result = await vault.call((client, signal) => client.listVersions(address.secretName, signal));
    if (result.kind === "error") return failedRead(vault.service, result);
    const [latest] = result.value.toSorted(newestFirst);
    return latest === undefined ? { kind: "none" } : { kind: "disabled", secret: latest };
  }

  async function readDeleted(address: SecretAddress): Promise<DeletedOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const result = await vault.call((client, signal) => client.getDeleted(address.secretName, signal));
    if (result.kind === "value") return { kind: "softDeleted" };
    if (serviceError(result.wire.errorBody).code === "SecretNotFound") return { kind: "absent" };
    return failedRead(vault.service, result);
  }

  async function write(address: SecretAddress, version: NewVersion): Promise<WriteOutcome> {
    const vault = vaultAt(address.vaultUrl);
    const result = await vault.call((client, signal) => client.set(address.secretName, version, signal));
    if (result.kind === "value") return echoed(vault.service, result.value, version);
    return classifyFailure(vault.service, result, "code");
  }

  return { readLatest, readDeleted, write };
}

/** A vault that echoes another value has not stored the request's, whatever its status is. */
function echoed(service: string, { secret, key }: AnsweredVersion, sent: NewVersion): WriteOutcome {
  if (secret === undefined || key === undefined) return { kind: "unclear", problem: unreadable(service) };
  if (sameKey(key, sent.key)) return { kind: "stored", secret };
  const message = `${service} answered 200, but its answer has another value than the request.`;
  return { kind: "unclear", problem: { code: "other-value-echoed", message, transient: true } };
}

function unreadable(service: string): CallProblem {
  return {
    code: "unusable-answer",
    message: `${service} answered 200, but its body cannot be parsed.`,
    transient: true,
  };
}
