import * as z from "zod/mini";
import { HttpProblem } from "./problem.ts";

export interface Access {
  /** Whether the platform's own authentication (`WEBSITE_AUTH_ENABLED`) vouches for the principal header. */
  readonly platformAuthentication: boolean;
  /** The app role that a caller must have; undefined: the function key is enough. */
  readonly operatorRole?: string | undefined;
}

const Principal = z.object({
  name_typ: z.optional(z.string()),
  role_typ: z.optional(z.string()),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

const shortRole = "roles";
const nameClaims = [
  "preferred_username",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
  "appid",
  "azp",
  "http://schemas.microsoft.com/identity/claims/objectidentifier",
];

/**
 * Who asks, for the tag `requested-by`: the principal that the platform has verified, else `function-key`, since the
 * host does not tell which key it was. Anybody can send the principal header where the platform's authentication is
 * off, so it counts for nothing there.
 *
 * @throws {HttpProblem} 401 where the header cannot be read, 403 where the role is missing, 503 where a role is asked
 * for and nothing vouches for it
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function authorize(
  headers: { get(name: string): string | null },
  { platformAuthentication, operatorRole }: Access,
): string {
  if (!platformAuthentication) {
    if (operatorRole === undefined) return "function-key";
    throw new HttpProblem({
      status: 503,
      code: "platform-authentication-off",
      detail: "OPERATOR_ROLE is set, but the platform's authentication is off: nobody can vouch for a role.",
      nextAction: "Turn on authentication for the function app (docs/deploy.md), or remove OPERATOR_ROLE.",
    });
  }
  const header = headers.get("x-ms-client-principal");
  if (header === null) {
    if (operatorRole === undefined) return "function-key";
    throw unreadable("There is no x-ms-client-principal header.");
  }
  const { claims, name_typ, role_typ } = decode(header);
  const claim = (type: string | undefined) => claims.find(({ typ }) => typ === type)?.val;
  const name =
    [name_typ, ...nameClaims].map(claim).find((value) => value !== undefined && value !== "") ?? "unnamed";
  const roles = claims.filter(({ typ }) => typ === (role_typ ?? shortRole) || typ === shortRole);
  if (operatorRole !== undefined && !roles.some(({ val }) => val === operatorRole)) {
    throw new HttpProblem({
      status: 403,
      code: "role-missing",
      detail: `The caller does not have the app role that OPERATOR_ROLE names.`,
      nextAction: "Ask an administrator to assign it in the Enterprise application, and sign in again.",
    });
  }
  return name;
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
    nextAction: "Sign in through the platform's authentication, and send its token.",
  });
