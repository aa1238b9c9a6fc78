import { ManagedIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { expect, test, vi } from "vitest";
import type { Simulator } from "../../local/simulator/types.ts";
import { errorOf, resourceManagerAudience, signedIn, simulated, vaultAudience } from "./simulated.ts";

function secretClient(simulator: Simulator): SecretClient {
  vi.stubEnv("IDENTITY_ENDPOINT", simulator.identityEndpoint);
  vi.stubEnv("IDENTITY_HEADER", simulator.identityHeader);
  return new SecretClient(simulator.vaultUrls["contoso"] ?? "", new ManagedIdentityCredential(), {
    disableChallengeResourceVerification: true,
  });
}

/** A signed-in request without the SDK, for requests that the SDK would not send. */
async function call(simulator: Simulator, method: string, path: string, body?: string): Promise<Response> {
  const headers = await signedIn(simulator, vaultAudience);
  const url = `${simulator.vaultUrls["contoso"]}${path}?api-version=2026-04-01`;
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
}

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
