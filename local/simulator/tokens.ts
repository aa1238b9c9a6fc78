import { randomBytes } from "node:crypto";

const lifetimeSeconds = 86_400;

/**
 * The audience and expiry of each token. All simulators of a process share them: the managed identity client of
 * `@azure/identity` caches tokens for the whole process, so a token can outlive the simulator that issued it.
 */
const issued = new Map<string, { readonly audience: string; readonly expiresOn: number }>();

export interface AccessToken {
  readonly token: string;
  /** Seconds since 1970. */
  readonly expiresOn: number;
}

/** Issues an opaque token for one audience, valid for a day. */
export function issueToken(audience: string): AccessToken {
  const token = randomBytes(32).toString("base64url");
  const expiresOn = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  issued.set(token, { audience: withoutSlash(audience), expiresOn });
  return { token, expiresOn };
}

export type TokenCheck =
  | { readonly kind: "valid" }
  | { readonly kind: "missing" }
  | { readonly kind: "invalid" }
  | { readonly kind: "wrongAudience"; readonly audience: string };

/** Checks an `Authorization` header. */
export function checkToken(authorization: string | undefined, audiences: readonly string[]): TokenCheck {
  if (authorization === undefined) return { kind: "missing" };
  const token = /^Bearer (?<token>\S+)$/i.exec(authorization)?.groups?.["token"] ?? "";
  const known = issued.get(token);
  if (known === undefined || known.expiresOn * 1000 <= Date.now()) return { kind: "invalid" };
  if (!audiences.includes(known.audience)) return { kind: "wrongAudience", audience: known.audience };
  return { kind: "valid" };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
