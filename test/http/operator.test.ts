import { describe, expect, test } from "vitest";
import type { AppSettings } from "../../src/config/appSettings.ts";
import { HttpProblem } from "../../src/http/exchange.ts";
import { authorize } from "../../src/http/operator.ts";

type Access = Pick<AppSettings, "platformAuthentication" | "operatorRole">;

const header = (principal: unknown): string =>
  Buffer.from(typeof principal === "string" ? principal : JSON.stringify(principal)).toString("base64");

const principal = (...roles: readonly string[]) => ({
  auth_typ: "aad",
  name_typ: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
  role_typ: "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
  claims: [
    { typ: "aud", val: "api" },
    { typ: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", val: "ana@contoso.com" },
    ...roles.map((val) => ({ typ: "http://schemas.microsoft.com/ws/2008/06/identity/claims/role", val })),
  ],
});

function ask(access: Access, value?: string): string | { status: number; code: string } {
  const headers = { get: (name: string) => (name === "x-ms-client-principal" ? (value ?? null) : null) };
  try {
    return authorize(headers, access);
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    const { status, code } = error.facts;
    return { status, code };
  }
}

const on: Access = { platformAuthentication: true, operatorRole: undefined };
const operators: Access = { platformAuthentication: true, operatorRole: "Rotation.Operator" };

describe("authorize", () => {
  test("authentication on, no role required → the verified name, or function-key without one", () => {
    expect(ask(on, header(principal()))).toBe("ana@contoso.com");
    expect(ask(on)).toBe("function-key");
  });

  test("the caller has the role, by its long or its short claim → the verified name", () => {
    expect(ask(operators, header(principal("Reader", "Rotation.Operator")))).toBe("ana@contoso.com");
    const workload = {
      claims: [
        { typ: "roles", val: "Rotation.Operator" },
        { typ: "appid", val: "pipeline" },
      ],
    };
    expect(ask(operators, header(workload))).toBe("pipeline");
  });

  test.each([
    ["no role", principal()],
    ["another role", principal("Reader")],
    ["the role in another case", principal("rotation.operator")],
    ["the role in another claim", { claims: [{ typ: "aud", val: "Rotation.Operator" }] }],
  ])("a role is required, and the caller has %s → 403", (_what, claims) => {
    expect(ask(operators, header(claims))).toEqual({ status: 403, code: "role-missing" });
  });

  test.each([
    ["missing", undefined],
    ["not base64", "%%%"],
    ["not JSON", header("role")],
    ["without claims", header({ auth_typ: "aad" })],
    ["with claims of another type", header({ claims: [{ typ: 1, val: 2 }] })],
  ])("a role is required, and the principal header is %s → 401", (_what, value) => {
    expect(ask(operators, value)).toEqual({ status: 401, code: "principal-unreadable" });
  });
});
