import { randomBytes, randomUUID } from "node:crypto";
import { type Answer, json, pathSegments, type Service } from "./exchange.ts";

export const identityPath = "/msi/token";

/**
 * The managed identity client of `@azure/identity` reads endpoint and header only once in a process. So all simulators
 * of a process use the same header, and the same port if it is free.
 */
export const sharedIdentity: { readonly header: string; port: number } = {
  header: randomBytes(16).toString("hex"),
  port: 0,
};

const lifetimeSeconds = 86_400;

/** The managed identity endpoint of App Service and Functions (`IDENTITY_ENDPOINT`), api-version 2019-08-01. */
export function createIdentity(): Service {
  return {
    name: "identity",
    handle(request) {
      const query = request.url.searchParams;
      const resource = query.get("resource");
      if (`/${pathSegments(request.url).join("/")}` !== identityPath) return refused(404, "No such path.");
      if (request.method !== "GET") return refused(405, "The token endpoint accepts only GET.");
      if (request.headers["x-identity-header"] !== sharedIdentity.header) {
        return refused(401, "The X-IDENTITY-HEADER header is missing or wrong.");
      }
      if (query.get("api-version") !== "2019-08-01") return refused(400, "Unsupported api-version.");
      if (resource === null || resource === "") return refused(400, "The resource parameter is missing.");

      const token = randomBytes(32).toString("base64url");
      const expiresOn = Math.floor(Date.now() / 1000) + lifetimeSeconds;
      issued.set(token, { audience: resource.replace(/\/+$/, ""), expiresOn });
      return answered(200, {
        access_token: token,
        expires_on: String(expiresOn),
        resource,
        token_type: "Bearer",
      });
    },
    failure: (_request, status) => refused(status, "An unexpected error occurred while fetching the token."),
  };
}

function refused(statusCode: number, message: string): Answer {
  return answered(statusCode, { statusCode, message, correlationId: randomUUID() });
}

/** The next simulator uses the same port, so no client may keep a connection to this one. */
function answered(status: number, value: unknown): Answer {
  return json(status, value, { connection: "close" });
}

/**
 * The audience of each token, and its expiry in seconds since 1970. All simulators of a process share them: the managed
 * identity client of `@azure/identity` caches tokens for the whole process, so a token can outlive the simulator that
 * issued it.
 */
const issued = new Map<string, { readonly audience: string; readonly expiresOn: number }>();

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
