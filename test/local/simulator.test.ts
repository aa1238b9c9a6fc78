import { gzipSync } from "node:zlib";
import { ManagedIdentityCredential } from "@azure/identity";
import { expect, test, vi } from "vitest";
import { patienceMs } from "../support/patience.ts";
import { gateway, regenerate, signedIn, simulated, vaultAudience } from "./simulated.ts";

test("stop during a call → the call ends at once, and nothing listens any more", async () => {
  const simulator = await simulated();
  simulator.inject({ service: "resourceManager", fault: { kind: "hang" } });
  const call = expect(regenerate(simulator)).rejects.toThrow("fetch failed");
  await vi.waitUntil(
    () => simulator.requests.some(({ service }) => service === "resourceManager"),
    patienceMs,
  );
  await simulator.stop();
  await call;
  await expect(fetch(simulator.resourceManagerUrl)).rejects.toThrow("fetch failed");
});

test("a fault whose code throws → 500 with the error", async () => {
  const simulator = await simulated();
  const run = () => {
    throw new Error("the test is wrong");
  };
  simulator.inject({ service: "resourceManager", fault: { kind: "call", when: "before", run } });
  const response = await regenerate(simulator);
  expect([response.status, await response.text()]).toEqual([
    500,
    expect.stringContaining("the test is wrong"),
  ]);
});

test("a gateway or vault that does not exist → throws at once", async () => {
  const simulator = await simulated();
  expect(() => simulator.keys(`${gateway}x`)).toThrow("no gateway");
  expect(() => simulator.accepts(`${gateway}x`, "key")).toThrow("no gateway");
  expect(() => simulator.secrets("fabrikam")).toThrow("no vault");
});

test("a second simulator beside the first → an identity endpoint of its own", async () => {
  const [first, second] = [await simulated(), await simulated()];
  expect(new URL(second.identityEndpoint).port).not.toBe(new URL(first.identityEndpoint).port);
});

test("the SDK's managed identity credential → gets tokens from one simulator after another", async () => {
  for (const resource of ["https://one.example", "https://two.example"]) {
    const simulator = await simulated();
    vi.stubEnv("IDENTITY_ENDPOINT", simulator.identityEndpoint);
    vi.stubEnv("IDENTITY_HEADER", simulator.identityHeader);
    const credential = new ManagedIdentityCredential({ clientId: "4b2c9d0e-9a51-4a8e-b1cf-6c2f4a1de001" });
    const token = await credential.getToken(`${resource}/.default`);
    expect(token.expiresOnTimestamp).toBeGreaterThan(Date.now() + 3_600_000);
    expect(simulator.requests.at(-1)?.url).toContain("client_id=4b2c9d0e-9a51-4a8e-b1cf-6c2f4a1de001");
    await simulator.stop();
  }
});

test.each([
  ["a wrong identity header", 401, `?resource=${vaultAudience}&api-version=2019-08-01`, "wrong"],
  ["no resource", 400, "?api-version=2019-08-01", undefined],
  ["another api-version", 400, `?resource=${vaultAudience}&api-version=2017-09-01`, undefined],
  ["another path", 404, "/x", undefined],
])("a request with %s to the identity endpoint → %i and no token", async (_, status, query, header) => {
  const { identityEndpoint, identityHeader } = await simulated();
  const response = await fetch(identityEndpoint + query, {
    headers: { "X-IDENTITY-HEADER": header ?? identityHeader },
  });
  expect(response.status).toBe(status);
  expect(await response.json()).not.toHaveProperty("access_token");
});

test("the identity endpoint's answer → in the form of App Service", async () => {
  const { identityEndpoint, identityHeader } = await simulated();
  const response = await fetch(`${identityEndpoint}?resource=${vaultAudience}&api-version=2019-08-01`, {
    headers: { "X-IDENTITY-HEADER": identityHeader },
  });
  expect(await response.json()).toEqual({
    access_token: expect.stringMatching(/^[\w-]{43}$/),
    expires_on: expect.stringMatching(/^\d{10}$/),
    resource: vaultAudience,
    token_type: "Bearer",
  });
});

test("telemetry with a token → accepted if the token is for Azure Monitor", async () => {
  const simulator = await simulated();
  const [, endpoint] = /IngestionEndpoint=([^;]+)/.exec(simulator.applicationInsightsConnectionString) ?? [];
  const statusWith = async (headers: Readonly<Record<string, string>>) =>
    (await fetch(`${endpoint}v2.1/track`, { method: "POST", body: "[{}]", headers })).status;
  expect(await statusWith(await signedIn(simulator, "https://monitor.azure.com"))).toBe(200);
  expect(await statusWith(await signedIn(simulator, vaultAudience))).toBe(403);
  expect(await statusWith({ authorization: "Bearer guess" })).toBe(401);
  expect(simulator.telemetry).toHaveLength(1);
});

test("telemetry, plain and zipped → accepted, kept in order and recorded decompressed", async () => {
  const simulator = await simulated();
  const connection = new Map(
    simulator.applicationInsightsConnectionString
      .split(";")
      .map((part) => part.split("=", 2) as [string, string]),
  );
  const endpoint = connection.get("IngestionEndpoint") ?? "";
  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(endpoint + path, { method: "POST", body, headers });

  const plain = await post("v2.1/track", JSON.stringify([{ n: 1 }, { n: 2 }]));
  const zipped = await post("v2.1/track", gzipSync('[{"n":3}]'), { "content-encoding": "gzip" });
  const elsewhere = await post("QuickPulseService.svc/ping", "{}");
  const garbage = await post("v2.1/track", "{}");

  expect(connection.get("InstrumentationKey")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await plain.json()).toEqual({ itemsReceived: 2, itemsAccepted: 2, errors: [] });
  expect(simulator.telemetry).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect([zipped, elsewhere, garbage].map(({ status }) => status)).toEqual([200, 404, 400]);
  expect(simulator.requests.map(({ body }) => body)).toContain('[{"n":3}]');
  expect(simulator.requests.map(({ url }) => url)).toContain("/QuickPulseService.svc/ping");
});
