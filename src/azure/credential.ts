import type { AccessToken, TokenCredential } from "@azure/core-auth";

interface TokenRequest {
  readonly token: Promise<AccessToken | null>;
  /** On the clock of `performance.now()`. */
  readonly since: number;
}

/** In milliseconds. An older request may never end, so later callers send a new one. */
const joinableMs = 2_000;

/**
 * The identity of this process: in Azure its managed identity, on a developer's machine the signed-in user. The app
 * setting `AZURE_TOKEN_CREDENTIALS` narrows the choice. The first token loads `@azure/identity`.
 *
 * Clients that need the same token at the same time share one request: a run has a client for each subscription and
 * each vault, and every client starts without a token.
 *
 * @param managedIdentityClientId of a user-assigned identity; undefined: the system-assigned one
 */
export function createCredential(managedIdentityClientId: string | undefined): TokenCredential {
  let opening: Promise<TokenCredential> | undefined;
  const underWay = new Map<string, TokenRequest>();

  async function open(): Promise<TokenCredential> {
    opening ??= import("./defaultCredential.ts").then(({ openDefaultCredential }) =>
      openDefaultCredential(managedIdentityClientId),
    );
    return opening;
  }

  return {
    // One caller's signal must not end a request that others wait for.
    getToken(scopes, { abortSignal: _signal, tracingOptions: _tracing, ...options } = {}) {
      const wanted = JSON.stringify([[scopes].flat(), options]);
      const known = underWay.get(wanted);
      if (known !== undefined && performance.now() - known.since < joinableMs) return known.token;
      const token = open()
        .then((credential) => credential.getToken(scopes, options))
        .finally(() => {
          if (underWay.get(wanted)?.token === token) underWay.delete(wanted);
        });
      underWay.set(wanted, { token, since: performance.now() });
      return token;
    },
  };
}
