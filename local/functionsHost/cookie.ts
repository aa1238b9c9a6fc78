import type { RpcHttpCookie } from "./rpc.ts";

const sameSites = { none: undefined, lax: "lax", strict: "strict", explicitNone: "none" } as const;

/** A `Set-Cookie` header as ASP.NET writes it: name and value escaped; without a path, for the whole site. */
export function toSetCookie(cookie: RpcHttpCookie): string {
  const { name, value, expires, maxAge, domain, path, secure, httpOnly, sameSite } = cookie;
  const attributes: readonly (readonly [string, string | number | boolean | undefined])[] = [
    ["expires", expires && new Date(expires.value.seconds * 1000).toUTCString()],
    ["max-age", maxAge?.value],
    ["domain", domain?.value],
    ["path", path?.value ?? "/"],
    ["secure", secure?.value],
    ["samesite", sameSites[sameSite]],
    ["httponly", httpOnly?.value],
  ];
  const written = attributes
    .filter(([, setting]) => setting !== undefined && setting !== false)
    .map(([attribute, setting]) => (setting === true ? attribute : `${attribute}=${setting}`));
  return [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`, ...written].join("; ");
}
