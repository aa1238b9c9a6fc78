import type { AccessToken, TokenCredential } from "@azure/core-auth";

interface TokenRequest {
  readonly token: Promise<AccessToken | null>;
  /** As `performance.now()` tells. */
  readonly since: number;
}

/** Whoever comes later asks again: a request to an endpoint that hangs has no end. */
const joinableMs = 2_000;

/**
 * The identity that this process runs as: in Azure its managed identity, on a developer's machine whoever is
 * signed in. The app setting `AZURE_TOKEN_CREDENTIALS` narrows the choice; `@azure/identity` reads it itself, and is
 * loaded when the first token is asked for.
 *
 * Clients that want the same token at the same time share one request, since a run has a client for each
 * subscription and each vault, and every client begins without a token.
 *
 * @param managedIdentityClientId of a user-assigned identity; the system-assigned one where left out.
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
    // Nobody's own signal ends a request that others wait for too.
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
