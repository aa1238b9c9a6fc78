import tls from "node:tls";
import { describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Target } from "../../src/domain/target.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "../support/gateways.ts";
import { withoutEffect } from "../support/requests.ts";
import { azure, useAzure, watch } from "../support/useAzure.ts";

useAzure();

/** Describes a target once, and returns the only request that reached Resource Manager. */
async function describeOnce(target: Target) {
  const sent = watch("resourceManager");
  const description = await azure.keys.describe(target);
  const [request, ...others] = sent();
  expect(others).toEqual([]);
  return { description, request };
}

function answer(body: unknown, status = 200): void {
  azure.simulator.inject({
    service: "resourceManager",
    fault: withoutEffect(status, { body: JSON.stringify(body), contentType: "application/json" }),
  });
}

describe("whether a gateway has keys of its own", () => {
  test.each([
    [gatewayTarget, "/datafactories/test/gateways/gatewaytest?api-version=2015-10-01"],
    [runtimeTarget, "/factories/adf-sales/integrationRuntimes/warehouse?api-version=2018-06-01"],
    [synapseTarget, "/workspaces/syn-research/integrationRuntimes/lab?api-version=2021-06-01-preview"],
  ])("it exists ($kind) → ready, after one GET", async (target, url) => {
    const { description, request } = await describeOnce(target);
    expect(description).toEqual({ kind: "ready" });
    expect(request).toMatchObject({ method: "GET", url: expect.stringContaining(url) });
  });

  describe.each([runtimeTarget, synapseTarget])("of the kind $kind", (target) => {
    test.each([
      ["no typeProperties", { type: "SelfHosted" }, "ready"],
      ["typeProperties: null", { type: "SelfHosted", typeProperties: null }, "ready"],
      ["linkedInfo: null", { type: "SelfHosted", typeProperties: { linkedInfo: null } }, "ready"],
      ["linkedInfo", { type: "SelfHosted", typeProperties: { linkedInfo: { resourceId: "/x" } } }, "linked"],
      ["the type Managed", { type: "Managed", typeProperties: null }, "managed"],
      ["the type Airflow", { type: "Airflow" }, "managed"],
    ])("a runtime with %s → $2", async (_, properties, kind) => {
      answer({ name: "warehouse", properties });
      expect((await describeOnce(target)).description).toEqual({ kind });
    });

    test.each([
      ["no type", { properties: {} }],
      ["another type", { properties: { type: "Borrowed" } }],
      ["no properties", { name: "warehouse" }],
      ["null", null],
    ])("an answer about a runtime with %s → failed, not ready", async (_, body) => {
      answer(body);
      expect((await describeOnce(target)).description).toMatchObject({
        kind: "failed",
        problem: { code: "unusable-answer" },
      });
    });
  });

  test.each([gatewayTarget, runtimeTarget, synapseTarget])(
    "304 or 404 about a $kind → failed, not ready",
    async (target) => {
      for (const [status, code] of [
        [304, "unexpected-status"],
        [404, "not-found"],
      ] as const) {
        answer({}, status);
        expect((await describeOnce(target)).description).toMatchObject({ kind: "failed", problem: { code } });
      }
    },
  );
});

describe("the host of a version 1 gateway", () => {
  const host = async (properties: unknown) => {
    answer({ name: "gatewaytest", properties });
    return azure.keys.host(gatewayTarget);
  };

  test("status and registerTime → read after one GET; nothing else of the answer is kept", async () => {
    const sent = watch("resourceManager");
    const properties = { status: "Online", registerTime: "2026-03-01T12:00:00Z", key: "ADF#secret" };
    expect(await host(properties)).toEqual({
      kind: "read",
      host: { status: "Online", registeredAt: new Date("2026-03-01T12:00:00Z") },
    });
    expect(sent().map(({ method, url }) => [method, url])).toEqual([
      ["GET", `${gatewayTarget.resourceId}?api-version=2015-10-01`],
    ]);
  });

  // The year 1 is .NET's time that never was; a journal takes no time before 1970.
  test.each([undefined, null, "", "soon", "0001-01-01T00:00:00"])(
    "registerTime %j → it has never registered",
    async (registerTime) => {
      expect(await host({ status: "NeedRegistration", registerTime })).toEqual({
        kind: "read",
        host: { status: "NeedRegistration", registeredAt: undefined },
      });
    },
  );

  test.each([undefined, null, {}, { status: 1 }])("the properties %j → failed", async (properties) => {
    expect(await host(properties)).toMatchObject({ kind: "failed", problem: { code: "unusable-answer" } });
  });
});

describe("the permissions on a gateway", () => {
  const actions = (action: string, nextLink?: string) => ({
    value: [{ actions: [action], notActions: [] }],
    ...(nextLink === undefined ? {} : { nextLink }),
  });

  test("two pages → the permissions of both", async () => {
    const sent = watch("resourceManager");
    answer(actions("a/action", `${azure.simulator.resourceManagerUrl}/next?page=2`));
    answer(actions("b/action"));
    expect(await azure.keys.permissions(gatewayTarget)).toMatchObject({
      kind: "read",
      permissions: [{ actions: ["a/action"] }, { actions: ["b/action"] }],
    });
    expect(sent().map(({ url }) => url)).toContain("/next?page=2");
  });

  test.each([{}, { actions: null, notActions: null }])("a role %j → permits nothing", async (role) => {
    answer({ value: [role, { actions: ["a/action"], notActions: null }] });
    expect(await azure.keys.permissions(gatewayTarget)).toEqual({
      kind: "read",
      permissions: [
        { actions: [], notActions: [] },
        { actions: ["a/action"], notActions: [] },
      ],
    });
  });

  test("the next page is on another host → failed, and that host gets no request", async () => {
    const other = await startSimulator({ vaults: [], gateways: [] });
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), other.certificatePem]);
    try {
      answer(actions("a/action", `${other.resourceManagerUrl}/next`));
      expect((await azure.keys.permissions(gatewayTarget)).kind).toBe("failed");
      expect(other.requests).toEqual([]);
    } finally {
      await other.stop();
    }
  });
});

test("runtimes of two subscriptions → each request names its own subscription", async () => {
  const sent = watch("resourceManager");
  const subscriptionId = "11111111-1111-1111-1111-111111111111";
  const resourceId = runtimeTarget.resourceId.replace(runtimeTarget.subscriptionId, subscriptionId);
  for (const target of [runtimeTarget, { ...runtimeTarget, resourceId, subscriptionId }])
    await azure.keys.listKeys(target);
  expect(sent().map(({ url }) => url)).toEqual(
    [runtimeTarget.subscriptionId, subscriptionId].map((id) =>
      expect.stringMatching(`^/subscriptions/${id}/resourceGroups/`),
    ),
  );
});
