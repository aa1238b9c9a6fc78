import { randomUUID } from "node:crypto";
import { type Answer, json, pathSegments, type Service } from "./exchange.ts";
import { issueToken } from "./tokens.ts";

export const identityPath = "/msi/token";

/** The managed identity endpoint of App Service and Functions (`IDENTITY_ENDPOINT`), api-version 2019-08-01. */
export function createIdentity(identityHeader: string): Service {
  return {
    name: "identity",
    handle(request) {
      const query = request.url.searchParams;
      const resource = query.get("resource");
      if (`/${pathSegments(request.url).join("/")}` !== identityPath) return refused(404, "No such path.");
      if (request.method !== "GET") return refused(405, "The token endpoint answers GET alone.");
      if (request.headers["x-identity-header"] !== identityHeader) {
        return refused(401, "The X-IDENTITY-HEADER header is missing or wrong.");
      }
      if (query.get("api-version") !== "2019-08-01") return refused(400, "Unsupported api-version.");
      if (resource === null || resource === "") return refused(400, "The resource parameter is missing.");

      const { token, expiresOn } = issueToken(resource);
      const clientId = query.get("client_id");
      return json(200, {
        access_token: token,
        expires_on: String(expiresOn),
        resource,
        token_type: "Bearer",
        ...(clientId === null ? {} : { client_id: clientId }),
      });
    },
    failure: (_request, status) => refused(status, "An unexpected error occurred while fetching the token."),
  };
}

function refused(statusCode: number, message: string): Answer {
  return json(statusCode, { statusCode, message, correlationId: randomUUID() });
}
