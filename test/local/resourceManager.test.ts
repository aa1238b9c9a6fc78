import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { ManagedIdentityCredential } from "@azure/identity";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Simulator } from "../../local/simulator/types.ts";
import {
  callResourceManager,
  errorOf,
  gateway,
  otherGateway,
  regenerate,
  runtime,
  signedIn,
  simulated,
  vaultAudience,
} from "./simulated.ts";

const guid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

function dataFactory(simulator: Simulator): DataFactoryManagementClient {
  vi.stubEnv("IDENTITY_ENDPOINT", simulator.identityEndpoint);
  vi.stubEnv("IDENTITY_HEADER", simulator.identityHeader);
  const subscription = runtime.split("/")[2] ?? "";
  return new DataFactoryManagementClient(new ManagedIdentityCredential(), subscription, {
    endpoint: simulator.resourceManagerUrl,
  });
}

test("a gateway's key is regenerated → old key dead, new key alive, other gateways unchanged", async () => {
  const simulator = await simulated();
  const before = [gateway, otherGateway, runtime].map(simulator.keys);
  const old = simulator.keys(gateway)["key"] ?? "";

  const response = await regenerate(simulator);
  const { key } = (await response.json()) as { readonly key: string };

  expect(response.status).toBe(200);
  expect(key).toMatch(new RegExp(`^ ADF#${guid}@${guid}@${guid}@wu#[A-Za-z0-9+/]{43}=$`));
  expect([simulator.accepts(gateway, key), simulator.accepts(gateway, old)]).toEqual([true, false]);
  expect([otherGateway, runtime].map(simulator.keys)).toEqual(before.slice(1));
});

test("an answer → has the four headers of the reference, the correlation id in two of them", async () => {
  const simulator = await simulated();
  const { headers } = await regenerate(simulator);
  const correlationId = headers.get("x-ms-correlation-request-id");
  expect(headers.get("x-ms-request-id")).toMatch(new RegExp(`^${guid}$`));
  expect(correlationId).toMatch(new RegExp(`^${guid}$`));
  expect(headers.get("x-ms-ratelimit-remaining-subscription-writes")).toBe("199");
  const [location, time, id] = headers.get("x-ms-routing-request-id")?.split(":") ?? [];
  expect([location, id]).toEqual(["WESTEUROPE", correlationId]);
  expect(time).toMatch(/^\d{8}T\d{6}Z$/);
});

test("another spelling of the path → the same gateway; the record keeps the spelling", async () => {
  const simulator = await simulated();
  const shouted = `${gateway}/regeneratekey`.toUpperCase();
  expect((await callResourceManager(simulator, `${shouted}?api-version=2015-10-01`)).status).toBe(200);
  expect(simulator.requests.at(-1)).toMatchObject({
    service: "resourceManager",
    method: "POST",
    url: `${shouted}?api-version=2015-10-01`,
    status: 200,
  });
});

test.each([
  ["no token", 401, "AuthenticationFailed", { authorization: undefined }],
  ["a token that was never issued", 401, "InvalidAuthenticationToken", { authorization: "Bearer x" }],
  ["no client request id", 400, "MissingRequiredHeader", { "x-ms-client-request-id": undefined }],
  ["a malformed client request id", 400, "MissingRequiredHeader", { "x-ms-client-request-id": "42" }],
])("%s → %i %s, and the key stays", async (_, status, code, changed) => {
  const simulator = await simulated();
  const before = simulator.keys(gateway);
  const headers = { ...(await signedIn(simulator, "https://management.azure.com")), ...changed };
  const response = await fetch(
    `${simulator.resourceManagerUrl}${gateway}/regeneratekey?api-version=2015-10-01`,
    {
      method: "POST",
      headers: Object.entries(headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] satisfies [string, string]],
      ),
    },
  );
  expect([response.status, (await errorOf(response)).code]).toEqual([status, code]);
  expect(response.headers.has("www-authenticate")).toBe(status === 401);
  expect(response.headers.has("x-ms-request-id")).toBe(true);
  expect(simulator.keys(gateway)).toEqual(before);
});

test("a token for Key Vault → 401, and the key stays", async () => {
  const simulator = await simulated();
  const before = simulator.keys(gateway);
  const { authorization = "" } = await signedIn(simulator, vaultAudience);
  const response = await callResourceManager(simulator, `${gateway}/regeneratekey`, {
    headers: { authorization },
  });
  expect([response.status, (await errorOf(response)).code]).toEqual([
    401,
    "InvalidAuthenticationTokenAudience",
  ]);
  expect(simulator.keys(gateway)).toEqual(before);
});

test.each([
  ["a body", 400, "BadRequest", `${gateway}/regeneratekey`, { body: "{}" }],
  ["no api-version", 400, "MissingApiVersionParameter", `${gateway}/regeneratekey?`, {}],
  ["an unknown api-version", 400, "NoRegisteredProviderFound", `${gateway}/regeneratekey?api-version=1`, {}],
  [
    "PUT, as in the reference's sample",
    405,
    "MethodNotAllowed",
    `${gateway}/regeneratekey`,
    { method: "PUT" },
  ],
  ["an unknown gateway", 404, "ResourceNotFound", `${gateway}x/regeneratekey`, {}],
  ["an unknown factory", 404, "ResourceNotFound", `${gateway.replace("/test/", "/x/")}/regeneratekey`, {}],
  [
    "an unknown resource group",
    404,
    "ResourceGroupNotFound",
    `${gateway.replace("rg-data", "x")}/regeneratekey`,
    {},
  ],
  [
    "an unknown subscription",
    404,
    "SubscriptionNotFound",
    `${gateway.replace("4c3e", "0000")}/regeneratekey`,
    {},
  ],
  ["an unknown operation", 404, "InvalidResourceType", `${gateway}/restart`, {}],
  [
    "an unknown key name",
    400,
    "BadRequest",
    `${runtime}/regenerateAuthKey`,
    { body: '{"keyName":"authKey3"}' },
  ],
])("%s → %i %s, and every key stays", async (_, status, code, path, request) => {
  const simulator = await simulated();
  const before = [gateway, otherGateway, runtime].map(simulator.keys);
  const response = await callResourceManager(simulator, path, request);
  expect([response.status, (await errorOf(response)).code]).toEqual([status, code]);
  expect([gateway, otherGateway, runtime].map(simulator.keys)).toEqual(before);
});

test("one slot of a runtime is regenerated → the answer has only its key; the other stays alive", async () => {
  const simulator = await simulated();
  const before = simulator.keys(runtime);
  const runtimes = dataFactory(simulator).integrationRuntimes;

  const regenerated = await runtimes.regenerateAuthKey("rg-data", "f", "warehouse", { keyName: "authKey2" });
  const listed = await runtimes.listAuthKeys("rg-data", "f", "warehouse");

  expect(regenerated.authKey1).toBeUndefined();
  expect(regenerated.authKey2).toMatch(new RegExp(`^ IR@${guid}@`));
  expect(simulator.accepts(runtime, regenerated.authKey2 ?? "")).toBe(true);
  expect(simulator.accepts(runtime, before["authKey2"] ?? "")).toBe(false);
  expect(listed).toMatchObject({ authKey1: ` ${before["authKey1"]}`, authKey2: regenerated.authKey2 });
});

test("a runtime is read with the SDK → it is self-hosted", async () => {
  const simulator = await simulated();
  const read = await dataFactory(simulator).integrationRuntimes.get("rg-data", "f", "warehouse");
  expect(read).toMatchObject({ name: "warehouse", id: runtime, properties: { type: "SelfHosted" } });
});

test("the permissions of a gateway are read → they include regenerating", async () => {
  const simulator = await simulated();
  const path = `${gateway}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`;
  const response = await callResourceManager(simulator, path, { method: "GET" });
  expect(await response.json()).toMatchObject({
    value: [{ actions: ["Microsoft.DataFactory/datafactories/gateways/*"], notActions: [] }],
  });
});

test("every key in an answer → holds the canary, after a space", async () => {
  const simulator = await simulated({ canary: "CANARY" });
  const { key } = (await (await regenerate(simulator)).json()) as { readonly key: string };
  expect(key).toMatch(/^ ADF#.*CANARY.*[^ ]$/);
  expect(simulator.accepts(gateway, key)).toBe(true);
  const live = [gateway, runtime].flatMap((id) => Object.values(simulator.keys(id)));
  expect(live.filter((one) => one.includes("CANARY") && one === one.trim())).toHaveLength(3);
});

test("an empty bucket → 429 with Retry-After and no effect; reads work; the bucket refills", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const simulator = await simulated({ bucket: { capacity: 2, refillPerSecond: 4 } });
  const left = [await regenerate(simulator), await regenerate(simulator, otherGateway)].map(({ headers }) =>
    Number(headers.get("x-ms-ratelimit-remaining-subscription-writes")),
  );
  const before = simulator.keys(gateway);
  const throttled = await regenerate(simulator);

  expect(left).toEqual([1, 0]);
  expect([throttled.status, throttled.headers.get("retry-after")]).toEqual([429, "1"]);
  expect((await errorOf(throttled)).code).toBe("SubscriptionRequestsThrottled");
  expect(simulator.keys(gateway)).toEqual(before);
  expect((await callResourceManager(simulator, runtime, { method: "GET" })).status).toBe(200);

  vi.advanceTimersByTime(250);
  expect((await regenerate(simulator)).status).toBe(200);
});

test("a resource id of another kind → the simulator refuses to start", async () => {
  const account = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a";
  await expect(simulated({ gateways: [account] })).rejects.toThrow(account);
});

test("a version 1 gateway's host → Online until a regenerate, then only with the live key", async () => {
  const simulator = await simulated();
  const shown = async () => {
    const response = await callResourceManager(simulator, gateway, { method: "GET" });
    return ((await response.json()) as { readonly properties: Record<string, string> }).properties;
  };
  const dead = simulator.keys(gateway)["key"] ?? "";
  const before = await shown();
  expect(before).toMatchObject({ status: "Online", versionStatus: "UpToDate" });

  await regenerate(simulator);
  const { registerTime } = before;
  expect(await shown()).toMatchObject({ status: "NeedRegistration", registerTime });
  expect(simulator.registerHost(gateway, dead)).toBe(false);
  expect(await shown()).toMatchObject({ status: "NeedRegistration", registerTime });

  expect(simulator.registerHost(gateway, ` ${simulator.keys(gateway)["key"]}\n`)).toBe(true);
  const after = await shown();
  expect(after["status"]).toBe("Online");
  expect(Date.parse(after["registerTime"] ?? "")).toBeGreaterThanOrEqual(Date.parse(registerTime ?? ""));
  const other = await callResourceManager(simulator, otherGateway, { method: "GET" });
  expect(await other.json()).toMatchObject({ properties: { status: "Online" } });
});
