import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { beforeAll, describe, expect, test } from "vitest";
import { createGatewayLists, type GatewayLists } from "../../../cli/azure/gatewayLists.ts";
import type { Fault } from "../../../local/simulator/types.ts";
import { type Credential, createCredential } from "../../../src/azure/credential.ts";
import type { TargetKind } from "../../../src/domain/target.ts";
import { clientTimeoutMs } from "../../support/azure.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "../../support/gateways.ts";
import { refusal, withoutEffect } from "../../support/requests.ts";
import { azure, revokeToken, useAzure, watch } from "../../support/useAzure.ts";

const subscription = gatewayTarget.subscriptionId;
const group = `/subscriptions/${subscription}/resourceGroups/adf/providers`;
const runtime = (name: string) => runtimeTarget.resourceId.replace(/[^/]+$/, name);
const scope = "https://management.azure.com/.default";

const runtimeProperties = {
  [runtime("borrowed")]: { type: "SelfHosted", typeProperties: { linkedInfo: { resourceId: "/x" } } },
  [runtime("azure")]: { type: "Managed", typeProperties: { computeProperties: {} } },
  [runtime("dags")]: { type: "Airflow" },
  [runtime("new")]: { type: "Quantum" },
};

let lists: GatewayLists;

useAzure({
  gateways: [
    ...[gatewayTarget, runtimeTarget, synapseTarget].map(({ resourceId }) => resourceId),
    ...Object.keys(runtimeProperties),
    ...["a", "b", "c"].map((name) => runtimeTarget.resourceId.replace("/adf-sales/", `/factory-${name}/`)),
  ],
  runtimeProperties,
  pageSize: 2,
});
beforeAll(async () => {
  lists = listsOf(azure.credential);
  await lists.parents("gatewayV1", subscription);
});
const listsOf = (credential: Credential) =>
  createGatewayLists({
    credential,
    url: azure.simulator.resourceManagerUrl,
    scope,
    callTimeoutMs: clientTimeoutMs,
  });

/** What `ask` returns, and the URLs that it sent to Resource Manager. */
async function watched<T>(ask: () => Promise<T>): Promise<{ readonly answer: T; readonly urls: string[] }> {
  const requests = watch("resourceManager");
  const answer = await ask();
  return { answer, urls: requests().map(({ method, url }) => `${method} ${url}`) };
}

const meet = (fault: Fault) => azure.simulator.inject({ service: "resourceManager", fault });

const json = "application/json";
const refuse = (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Fault =>
  refusal(status, { headers, body: JSON.stringify({ error: { code, message: "No." } }), contentType: json });

/** Path templates and api-versions as Microsoft publishes them, with the names of the test's resources. */
const published: readonly (readonly [string, TargetKind, "parents" | "gateways", string])[] = [
  [
    "Factories_List",
    "integrationRuntime",
    "parents",
    `/subscriptions/${subscription}/providers/Microsoft.DataFactory/factories?api-version=2018-06-01`,
  ],
  [
    "IntegrationRuntimes_ListByFactory",
    "integrationRuntime",
    "gateways",
    `${group}/Microsoft.DataFactory/factories/adf-sales/integrationRuntimes?api-version=2018-06-01`,
  ],
  [
    "Workspaces_List",
    "synapseIntegrationRuntime",
    "parents",
    `/subscriptions/${subscription}/providers/Microsoft.Synapse/workspaces?api-version=2021-06-01-preview`,
  ],
  [
    "IntegrationRuntimes_ListByWorkspace",
    "synapseIntegrationRuntime",
    "gateways",
    `${group}/Microsoft.Synapse/workspaces/syn-research/integrationRuntimes?api-version=2021-06-01-preview`,
  ],
  [
    "data factories of version 1",
    "gatewayV1",
    "parents",
    `/subscriptions/${subscription}/providers/Microsoft.DataFactory/datafactories?api-version=2015-10-01`,
  ],
  [
    "gateways of version 1",
    "gatewayV1",
    "gateways",
    `${group}/Microsoft.DataFactory/datafactories/test/gateways?api-version=2015-10-01`,
  ],
];

describe("what is asked", () => {
  test.each(published)("%s → the path and the api-version as published", async (_, kind, list, url) => {
    const parent = {
      gatewayV1: gatewayTarget,
      integrationRuntime: runtimeTarget,
      synapseIntegrationRuntime: synapseTarget,
    };
    const parentId = parent[kind].resourceId.split("/").slice(0, -2).join("/");
    const { urls } = await watched(async () =>
      list === "parents" ? lists.parents(kind, subscription) : lists.gateways(kind, parentId),
    );
    expect(urls[0]).toBe(`GET ${url}`);
  });

  test("Data Factory's own client → sends the same requests, page by page", async () => {
    const url = azure.simulator.resourceManagerUrl;
    const client = new DataFactoryManagementClient(azure.credential, subscription, {
      endpoint: url,
      $host: url,
      credentialScopes: scope,
    });
    const drain = async (pages: AsyncIterable<unknown>) => {
      for await (const _ of pages);
    };
    const factories = await watched(() => drain(client.factories.list()));
    const runtimes = await watched(() => drain(client.integrationRuntimes.listByFactory("adf", "adf-sales")));
    const parentId = `${group}/Microsoft.DataFactory/factories/adf-sales`;
    expect((await watched(() => lists.parents("integrationRuntime", subscription))).urls).toEqual(
      factories.urls,
    );
    expect((await watched(() => lists.gateways("integrationRuntime", parentId))).urls).toEqual(runtimes.urls);
    expect(runtimes.urls).toHaveLength(3);
  });

  test("a parent whose id has other scripts and spaces → the path is encoded", async () => {
    const { urls } = await watched(() =>
      lists.gateways("gatewayV1", `/subscriptions/${subscription}/resourceGroups/größe ?/providers/a/b/c`),
    );
    expect(urls[0]).toContain("/resourceGroups/gr%C3%B6%C3%9Fe%20%3F/providers/a/b/c/gateways?");
  });
});

describe("what is listed", () => {
  test("the runtimes of a factory on several pages → each with its id, and whether it has keys", async () => {
    const parentId = `${group}/Microsoft.DataFactory/factories/adf-sales`;
    expect(await lists.gateways("integrationRuntime", parentId)).toEqual({
      kind: "listed",
      items: [
        { resourceId: runtime("warehouse"), description: "ready" },
        { resourceId: runtime("borrowed"), description: "linked" },
        { resourceId: runtime("azure"), description: "managed" },
        { resourceId: runtime("dags"), description: "managed" },
        { resourceId: runtime("new"), description: "unknown" },
      ],
    });
  });

  test("the factories of a subscription on two pages → the ids of all", async () => {
    expect(await lists.parents("integrationRuntime", subscription)).toEqual({
      kind: "listed",
      items: ["adf-sales", "factory-a", "factory-b", "factory-c"].map(
        (name) => `${group}/Microsoft.DataFactory/factories/${name}`,
      ),
    });
  });

  test("a provider that the subscription never registered → an empty list", async () => {
    meet(refuse(409, "MissingSubscriptionRegistration"));
    expect(await lists.parents("synapseIntegrationRuntime", subscription)).toEqual({
      kind: "listed",
      items: [],
    });
  });
});

describe("what goes wrong", () => {
  test("a subscription that does not exist → failed as not found, not an empty list", async () => {
    expect(await lists.parents("gatewayV1", "99999999-0000-4000-8000-000000000000")).toMatchObject({
      kind: "failed",
      problem: { code: "not-found" },
    });
  });

  test("no permission → failed as forbidden", async () => {
    meet(refuse(403, "AuthorizationFailed"));
    expect(await lists.parents("gatewayV1", subscription)).toMatchObject({
      kind: "failed",
      problem: { code: "forbidden" },
    });
  });

  test("throttled, with Retry-After → the list is read again", async () => {
    meet(refuse(429, "TooManyRequests", { "retry-after": "0" }));
    const { answer, urls } = await watched(() => lists.parents("gatewayV1", subscription));
    expect(answer.kind).toBe("listed");
    expect(urls).toHaveLength(2);
  });

  test("a token that was revoked → failed; the next list has a new one", async () => {
    const lists = listsOf(createCredential(crypto.randomUUID()));
    await lists.parents("gatewayV1", subscription);
    revokeToken("resourceManager");
    expect(await lists.parents("gatewayV1", subscription)).toMatchObject({
      kind: "failed",
      problem: { code: "unauthenticated", transient: true },
    });
    expect((await lists.parents("gatewayV1", subscription)).kind).toBe("listed");
  });

  test.each([
    ["no list", "{}"],
    ["an entry without an id", '{"value":[{"name":"x"}]}'],
    ["HTML", "<html></html>"],
  ])("200 with %s → failed, not an empty list", async (_, body) => {
    meet(withoutEffect(200, { body, contentType: json }));
    expect((await lists.parents("gatewayV1", subscription)).kind).toBe("failed");
  });
});
