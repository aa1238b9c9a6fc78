import type { AccessToken, TokenCredential } from "@azure/core-auth";
import type { openDefaultCredential } from "./defaultCredential.ts";

/** A credential that can drop a token which a service has refused. */
export interface Credential extends TokenCredential {
  /**
   * Drops every cached token after a service answered 401: the token was revoked, or its tenant has changed. A client
   * that is opened from now on gets a new token.
   *
   * @returns whether that can help: false if the refused token is itself a new one
   */
  refused(token: string): boolean;
}

interface TokenRequest {
  readonly token: Promise<AccessToken | null>;
  /** On the clock of `performance.now()`. */
  readonly since: number;
}

/** In milliseconds. An older request may never end, so later callers send a new one. */
const joinableMs = 2_000;

/** In milliseconds. A service that refuses new tokens too must not cause a token request for every call. */
const renewedAtMostEveryMs = 5 * 60_000;

/**
 * The identity of this process: in Azure its managed identity, on a developer's machine the signed-in user. The app
 * setting `AZURE_TOKEN_CREDENTIALS` narrows the choice. The first token loads `@azure/identity`.
 *
 * Clients that need the same token at the same time share one request: a run has a client for each vault, and every
 * client starts without a token.
 *
 * @param managedIdentityClientId of a user-assigned identity; undefined: the system-assigned one
 * @param load loads the function that opens the SDK's credential. After a failure, the next request loads it again
 */
export function createCredential(
  managedIdentityClientId: string | undefined,
  load: () => Promise<typeof openDefaultCredential> = loadDefault,
): Credential {
  let opened: TokenCredential | undefined;
  let renewedAt = Number.NEGATIVE_INFINITY;
  const underWay = new Map<string, TokenRequest>();
  /** The latest token of each request since the last renewal. */
  const current = new Map<string, string>();

  return {
    // One caller's signal must not end a request that others wait for.
    getToken(scopes, { abortSignal: _signal, tracingOptions: _tracing, ...options } = {}) {
      const wanted = JSON.stringify([[scopes].flat(), options]);
      const known = underWay.get(wanted);
      if (known !== undefined && performance.now() - known.since < joinableMs) return known.token;
      const request = async () => {
        const open = await load();
        opened ??= open(managedIdentityClientId);
        const credential = opened;
        const answer = await credential.getToken(scopes, options);
        if (answer !== null && credential === opened) current.set(wanted, answer.token);
        return answer;
      };
      const token = request().finally(() => {
        if (underWay.get(wanted)?.token === token) underWay.delete(wanted);
      });
      underWay.set(wanted, { token, since: performance.now() });
      return token;
    },
    refused(token) {
      // Many calls are under way with one token: the first answer renews it for all.
      if (![...current.values()].includes(token)) return true;
      if (performance.now() - renewedAt < renewedAtMostEveryMs) return false;
      renewedAt = performance.now();
      current.clear();
      underWay.clear();
      opened = undefined;
      return true;
    },
  };
}

const loadDefault = async () => (await import("./defaultCredential.ts")).openDefaultCredential;
