import { ManagedIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { expect, test, vi } from "vitest";
import type { Simulator } from "../../local/simulator/types.ts";
import { errorOf, resourceManagerAudience, signedIn, simulated, vaultAudience } from "./simulated.ts";

/** An SDK client for this vault; default: the first vault. */
function secretClient(simulator: Simulator, vault = "contoso"): SecretClient {
  vi.stubEnv("IDENTITY_ENDPOINT", simulator.identityEndpoint);
  vi.stubEnv("IDENTITY_HEADER", simulator.identityHeader);
  return new SecretClient(simulator.vaultUrls[vault] ?? "", new ManagedIdentityCredential(), {
    disableChallengeResourceVerification: true,
  });
}

/** A signed-in request without the SDK, for requests that the SDK would not send. */
async function call(simulator: Simulator, method: string, path: string, body?: string): Promise<Response> {
  const headers = await signedIn(simulator, vaultAudience);
  const url = `${simulator.vaultUrls["contoso"]}${path}?api-version=2026-04-01`;
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
}

function codes(error: { readonly code: string; readonly innererror?: { readonly code: string } }) {
  return [error.code, error.innererror?.code];
}

test("a secret is set with the SDK → challenged first, then stored with everything that was sent", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  const expiresOn = new Date("2031-02-03T04:05:06Z");
  const beforeInSeconds = Math.floor(Date.now() / 1000);
  const set = await client.setSecret("adf-key", "k1", { contentType: "text", tags: { a: "b" }, expiresOn });
  const got = await client.getSecret("ADF-key");

  const calls = simulator.requests.filter(({ service }) => service === "keyVault");
  expect(calls.map(({ method, status, body }) => [method, status, body !== ""])).toEqual([
    ["PUT", 401, false],
    ["PUT", 200, true],
    ["GET", 200, false],
  ]);
  expect(set.properties.version).toMatch(/^[0-9a-f]{32}$/);
  expect(got).toMatchObject({
    name: "adf-key",
    value: "k1",
    properties: {
      id: `${simulator.vaultUrls["contoso"]}/secrets/adf-key/${set.properties.version}`,
      contentType: "text",
      tags: { a: "b" },
      expiresOn,
      enabled: true,
      recoverableDays: 90,
    },
  });
  expect(got.properties.createdOn?.getTime()).toBeGreaterThanOrEqual(beforeInSeconds * 1000);
  expect(got.properties.createdOn?.getTime()).toBeLessThanOrEqual(Date.now());
});

test("a caller without a token → 401 that names the authority", async () => {
  const simulator = await simulated();
  const response = await fetch(`${simulator.vaultUrls["contoso"]}/secrets/a?api-version=7.4`);
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toMatch(
    /^Bearer authorization="https:\/\/login\.microsoftonline\.com\/[0-9a-f-]{36}", resource="https:\/\/vault\.azure\.net"$/,
  );
  expect((await errorOf(response)).code).toBe("Unauthorized");
});

test("a token for Resource Manager → 401, and nothing is stored", async () => {
  const simulator = await simulated();
  const response = await fetch(`${simulator.vaultUrls["contoso"]}/secrets/a?api-version=7.4`, {
    method: "PUT",
    headers: await signedIn(simulator, resourceManagerAudience),
    body: '{"value":"v"}',
  });
  expect([response.status, response.headers.has("www-authenticate")]).toEqual([401, true]);
  expect(simulator.secrets("contoso").size).toBe(0);
});

test("60 versions → listed in pages of 25, by version id; the latest is the last one set", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  const set: string[] = [];
  for (let index = 0; index < 60; index += 1) {
    const { properties } = await client.setSecret("many", `v${index}`);
    set.push(properties.version ?? "");
  }
  const pages: string[][] = [];
  for await (const page of client.listPropertiesOfSecretVersions("many").byPage()) {
    pages.push(page.map(({ version }) => version ?? ""));
  }
  expect(pages.map((page) => page.length)).toEqual([25, 25, 10]);
  expect(pages.flat()).toEqual(set.toSorted());
  expect((await client.getSecret("many")).value).toBe("v59");
  expect((await client.getSecret("many", { version: set[7] ?? "" })).value).toBe("v7");
});

test("versions of a secret that does not exist → an empty list", async () => {
  const client = secretClient(await simulated());
  expect(await client.listPropertiesOfSecretVersions("no-such-secret").next()).toMatchObject({ done: true });
});

test("secrets are listed → each with its latest version's properties, without values", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  for (const name of ["b", "a", "C"]) await client.setSecret(name, "CANARY", { tags: { of: name } });
  const listed: (string | undefined)[] = [];
  for await (const { name, tags } of client.listPropertiesOfSecrets()) listed.push(name, tags?.["of"]);
  expect(listed).toEqual(["C", "C", "a", "a", "b", "b"]);
  const list = await call(simulator, "GET", "/secrets");
  expect(await list.text()).not.toContain("CANARY");
});

test("the latest version is disabled → get is refused as SecretDisabled; list has its properties", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  const { properties } = await client.setSecret("s", "v", { tags: { kept: "yes" } });
  await client.updateSecretProperties("s", properties.version ?? "", { enabled: false });

  const response = await call(simulator, "GET", "/secrets/s/");
  expect([response.status, ...codes(await errorOf(response))]).toEqual([403, "Forbidden", "SecretDisabled"]);
  await expect(client.getSecret("s")).rejects.toMatchObject({ statusCode: 403 });
  const { value } = await client.listPropertiesOfSecretVersions("s").next();
  expect(value).toMatchObject({ version: properties.version, enabled: false, tags: { kept: "yes" } });
});

test("a secret is soft-deleted → get: not found; set: recoverable; the deleted secret can be read", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  await client.setSecret("s", "v");
  await client.beginDeleteSecret("s");

  const got = await call(simulator, "GET", "/secrets/s");
  const set = await call(simulator, "PUT", "/secrets/s", '{"value":"w"}');
  expect([got.status, ...codes(await errorOf(got))]).toEqual([404, "SecretNotFound", undefined]);
  expect([set.status, ...codes(await errorOf(set))]).toEqual([
    409,
    "Conflict",
    "ObjectIsDeletedButRecoverable",
  ]);
  expect(await client.getDeletedSecret("s")).toMatchObject({ name: "s", value: undefined });

  const kept = simulator.secrets("contoso").get("s");
  if (kept !== undefined) kept.deleted = false;
  expect((await client.getSecret("s")).value).toBe("v");
  await expect(client.getDeletedSecret("s")).rejects.toMatchObject({ statusCode: 404 });
});

test("a secret belongs to a certificate → set answers 409", async () => {
  const simulator = await simulated();
  simulator.secrets("contoso").set("s", { name: "s", versions: [], deleted: false, managed: true });
  await expect(secretClient(simulator).setSecret("s", "v")).rejects.toMatchObject({ statusCode: 409 });
});

test("the same name in two vaults → two secrets", async () => {
  const simulator = await simulated({ vaults: ["contoso", "fabrikam"] });
  await secretClient(simulator).setSecret("s", "of contoso");
  await secretClient(simulator, "fabrikam").setSecret("s", "of fabrikam");
  expect(
    simulator
      .secrets("contoso")
      .get("s")
      ?.versions.map(({ value }) => value),
  ).toEqual(["of contoso"]);
  expect((await secretClient(simulator, "fabrikam").getSecret("s")).value).toBe("of fabrikam");
  expect(simulator.requests.at(-1)?.vault).toBe("fabrikam");
});

const tagged = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, ""]));

test.each([
  ["no body", "s", undefined],
  ["an empty value", "s", { value: "" }],
  ["no value", "s", { tags: {} }],
  ["a value above 25 KB", "s", { value: "x".repeat(25 * 1024 + 1) }],
  ["16 tags", "s", { value: "v", tags: tagged(16) }],
  ["a tag of 257 characters", "s", { value: "v", tags: { t: "x".repeat(257) } }],
  ["a contentType of 256 characters", "s", { value: "v", contentType: "x".repeat(256) }],
  ["a name with an underscore", "s_s", { value: "v" }],
  ["a name of 128 characters", "s".repeat(128), { value: "v" }],
])("%s → 400 BadParameter, and nothing is stored", async (_, name, body) => {
  const simulator = await simulated();
  const response = await call(simulator, "PUT", `/secrets/${name}`, JSON.stringify(body));
  expect([response.status, (await errorOf(response)).code]).toEqual([400, "BadParameter"]);
  expect(simulator.secrets("contoso").size).toBe(0);
});

test("every field at its maximum length → stored", async () => {
  const simulator = await simulated();
  const client = secretClient(simulator);
  const tags = { ...tagged(14), ["n".repeat(256)]: "x".repeat(256) };
  const contentType = "x".repeat(255);
  await client.setSecret("s".repeat(127), "x".repeat(25 * 1024), { tags, contentType });
  expect((await client.getSecret("s".repeat(127))).properties).toMatchObject({ tags, contentType });
});
