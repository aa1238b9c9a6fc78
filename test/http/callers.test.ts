import { describe, expect, test } from "vitest";
import {
  latest,
  launch,
  refused,
  runIn,
  send,
  testThatNoKeyWasLogged,
  useDeployedApp,
} from "./deployedApp.ts";

useDeployedApp();

describe("the caller of a route", () => {
  const principal = (...roles: readonly string[]) => ({
    "x-ms-client-principal": Buffer.from(
      JSON.stringify({
        name_typ: "name",
        role_typ: "roles",
        claims: [{ typ: "name", val: "ana@contoso.com" }, ...roles.map((val) => ({ typ: "roles", val }))],
      }),
    ).toString("base64"),
  });
  const body = { gateways: ["warehouse"], reason: "x" };

  test("no function key, or a wrong one → 401", async () => {
    for (const key of ["", "wrong"])
      expect((await send("rotations", { body, headers: { "x-functions-key": key } })).status).toBe(401);
  });

  test("a principal header without platform authentication → ignored", async () => {
    expect(
      runIn(await send("rotations", { body, headers: principal("Rotation.Operator") })).requestedBy,
    ).toBe("function-key");
  });

  test("OPERATOR_ROLE without platform authentication → 503 on every route", async () => {
    const on = await launch({ OPERATOR_ROLE: "Rotation.Operator" });
    const sent = { on, headers: principal("Rotation.Operator") };
    for (const answer of [
      send("rotations", { ...sent, body }),
      send("rotations/http-0", { ...sent, method: "GET" }),
      send("gateways", { ...sent, method: "GET" }),
    ])
      expect(await refused(answer)).toMatchObject({ status: 503, code: "platform-authentication-off" });
  });

  test("OPERATOR_ROLE with platform authentication → 401, 403, or the verified name on the version", async () => {
    const on = await launch({ OPERATOR_ROLE: "Rotation.Operator", WEBSITE_AUTH_ENABLED: "True" });
    const headers = { "x-ms-client-principal": "%" };
    expect(await refused(send("rotations", { on, body, headers }))).toMatchObject({ status: 401 });
    expect(await refused(send("rotations", { on, body }))).toMatchObject({ status: 401 });
    expect(await refused(send("rotations", { on, body, headers: principal("Reader") }))).toMatchObject({
      status: 403,
    });
    const answer = await send("rotations", { on, body, headers: principal("Rotation.Operator") });
    expect(answer.status).toBe(200);
    expect(runIn(answer).requestedBy).toBe("ana@contoso.com");
    expect(latest("vault-20443", "adf-sales-warehouse")?.tags["requested-by"]).toBe("ana@contoso.com");
  });
});

testThatNoKeyWasLogged();
