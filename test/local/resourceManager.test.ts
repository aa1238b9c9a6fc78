import { expect, onTestFinished, test, vi } from "vitest";
import { createTokenBucket } from "../../local/simulator/tokenBucket.ts";
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

test("one slot of a runtime is regenerated → the answer has only its key", async () => {
  const simulator = await simulated();
  const body = '{"keyName":"authKey2"}';
  const response = await callResourceManager(simulator, `${runtime}/regenerateAuthKey`, { body });
  const { authKey2 } = simulator.keys(runtime);
  expect(await response.json()).toEqual({ authKey2: ` ${authKey2}` });
  expect(authKey2).toMatch(new RegExp(`^IR@${guid}@`));
});

test("every key in an answer → holds the canary, after a space", async () => {
  const simulator = await simulated({ canary: "CANARY" });
  const { key } = (await (await regenerate(simulator)).json()) as { readonly key: string };
  expect(key).toMatch(new RegExp(`^ ADF#${guid}@${guid}@${guid}@wu#CANARY[A-Za-z0-9+/]{43}=$`));
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

test("a token bucket that is empty → a Retry-After in whole seconds, after which a token is available", () => {
  let now = 0;
  const bucket = createTokenBucket({ capacity: 2, refillPerSecond: 0.4 }, () => now);
  expect([bucket.take().kind, bucket.take().kind]).toEqual(["taken", "taken"]);
  expect(bucket.take()).toEqual({ kind: "empty", retryAfterSeconds: 3 });
  now = 2000;
  expect(bucket.take()).toEqual({ kind: "empty", retryAfterSeconds: 1 });
  now = 3000;
  expect(bucket.take()).toEqual({ kind: "taken" });
});

test("a token bucket after a long pause → is full, not more than full", () => {
  let now = 0;
  const bucket = createTokenBucket({ capacity: 3, refillPerSecond: 10 }, () => now);
  bucket.take();
  now = 60_000;
  expect(bucket.remaining()).toBe(3);
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
