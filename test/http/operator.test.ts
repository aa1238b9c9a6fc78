import { describe, expect, test } from "vitest";
import { HttpProblem } from "../../src/http/httpProblem.ts";
import { type Access, authorize } from "../../src/http/operator.ts";

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

const off: Access = { platformAuthentication: false };
const on: Access = { platformAuthentication: true };
const operators: Access = { platformAuthentication: true, operatorRole: "Rotation.Operator" };

describe("who may use the routes, and who they are", () => {
  test("no authentication by the platform → whoever has a function key, and a forged principal counts for nothing", () => {
    expect(ask(off)).toBe("function-key");
    expect(ask(off, header(principal("Rotation.Operator")))).toBe("function-key");
  });

  test("a role is asked for, and nothing vouches for it → 503, even with the role in the header", () => {
    const access = { ...off, operatorRole: "Rotation.Operator" };
    expect(ask(access, header(principal("Rotation.Operator")))).toEqual({
      status: 503,
      code: "platform-authentication-off",
    });
  });

  test("authentication without a role → the verified name, and the function key where nobody signed in", () => {
    expect(ask(on, header(principal()))).toBe("ana@contoso.com");
    expect(ask(on)).toBe("function-key");
  });

  test("the role → the verified name; by its short claim too, as workloads have it", () => {
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
    ["the role's name in another case", principal("rotation.operator")],
    ["the role as another claim", { claims: [{ typ: "aud", val: "Rotation.Operator" }] }],
  ])("%s → 403", (_what, claims) => {
    expect(ask(operators, header(claims))).toEqual({ status: 403, code: "role-missing" });
  });

  test.each([
    ["none", undefined],
    ["not base64", "%%%"],
    ["not JSON", header("role")],
    ["no claims", header({ auth_typ: "aad" })],
    ["claims of another kind", header({ claims: [{ typ: 1, val: 2 }] })],
  ])("a principal header that cannot be read (%s) → 401", (_what, value) => {
    expect(ask(operators, value)).toEqual({ status: 401, code: "principal-unreadable" });
  });
});
