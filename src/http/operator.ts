import * as z from "zod/mini";
import type { AppSettings } from "../config/appSettings.ts";
import { HttpProblem, type HttpRequest } from "./exchange.ts";

const Principal = z.object({
  name_typ: z.optional(z.string()),
  role_typ: z.optional(z.string()),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

const nameClaims = [
  "preferred_username",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
  "appid",
  "azp",
  "http://schemas.microsoft.com/identity/claims/objectidentifier",
];

/**
 * Returns the caller's name, and refuses a caller who may not call. The principal header counts only while the platform's
 * authentication is on. While it is off, any caller can send any header.
 *
 * @returns the value of the tag `requested-by`: the name that the platform has verified, else `function-key`, since the
 * host does not show which key it was
 * @throws {HttpProblem} 401 if the header is missing or cannot be read, 403 if the caller lacks the role, 503
 * if a role is required and the platform's authentication is off
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function authorize(
  headers: HttpRequest["headers"],
  { platformAuthentication, operatorRole }: Pick<AppSettings, "platformAuthentication" | "operatorRole">,
): string {
  const header = platformAuthentication ? headers.get("x-ms-client-principal") : null;
  if (header === null && operatorRole === undefined) return "function-key";
  if (!platformAuthentication) {
    throw new HttpProblem({
      status: 503,
      code: "platform-authentication-off",
      detail:
        "OPERATOR_ROLE is set, but the platform's authentication is off, so no caller's role can be verified.",
      nextAction: "Turn on authentication for the function app (docs/deploy.md), or remove OPERATOR_ROLE.",
    });
  }
  if (header === null) throw unreadable("The request has no x-ms-client-principal header.");
  const { claims, name_typ, role_typ } = decode(header);
  const claim = (type: string | undefined) => claims.find(({ typ }) => typ === type)?.val;
  const roles = claims.filter(({ typ }) => [role_typ, "roles"].includes(typ));
  if (operatorRole !== undefined && !roles.some(({ val }) => val === operatorRole)) {
    throw new HttpProblem({
      status: 403,
      code: "role-missing",
      detail: "The caller does not have the app role that OPERATOR_ROLE names.",
      nextAction:
        "Ask an administrator to assign the role in the Enterprise application, then sign in again.",
    });
  }
  return [name_typ, ...nameClaims].map(claim).find(Boolean) ?? "unnamed";
}

function decode(header: string): z.infer<typeof Principal> {
  try {
    return Principal.parse(JSON.parse(Buffer.from(header, "base64").toString("utf8")));
  } catch {
    throw unreadable("The x-ms-client-principal header is not the JSON in base64 that the platform sends.");
  }
}

const unreadable = (detail: string): HttpProblem =>
  new HttpProblem({
    status: 401,
    code: "principal-unreadable",
    detail,
    nextAction: "Sign in, and send the token in the authorization header (docs/deploy.md).",
  });
