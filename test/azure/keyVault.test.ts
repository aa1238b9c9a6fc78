import dns from "node:dns";
import { createServer } from "node:https";
import tls from "node:tls";
import { inspect } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createKeyVaultLists } from "../../cli/azure/keyVaultLists.ts";
import { createServerCertificate } from "../../local/certificate.ts";
import { listen } from "../../local/listen.ts";
import type { Fault, RecordedRequest } from "../../local/simulator/types.ts";
import { createCredential } from "../../src/azure/credential.ts";
import { redact, reveal } from "../../src/domain/redacted.ts";
import type { NewVersion } from "../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import { canary, clientTimeoutMs, createClients, credentialOf } from "../support/azure.ts";
import { holdTime, noAnswerWithin } from "../support/heldTime.ts";
import { applied, refusal, withoutEffect } from "../support/requests.ts";
import { azure, revokeToken, useAzure, watch } from "../support/useAzure.ts";

let address: SecretAddress;
let names = 0;

useAzure();
beforeEach(() => {
  address = { vaultUrl: azure.contoso, secretName: `secret-${++names}` };
});

holdTime();

const key = redact(`ADF#${canary}`);
const version = (terms: Partial<NewVersion> = {}): NewVersion => ({
  key,
  contentType: "text/plain",
  tags: { "rotation-id": "1" },
  ...terms,
});

/** Requests to the vaults from now on, without the ones that only fetch the 401 challenge. */
function watchVaults(): () => readonly RecordedRequest[] {
  const requests = watch("keyVault");
  return () => requests().filter(({ headers }) => headers["authorization"] !== undefined);
}

function inject(fault: Fault, matches: (request: RecordedRequest) => boolean = () => true) {
  azure.simulator.inject({
    service: "keyVault",
    matches: (request) => request.headers["authorization"] !== undefined && matches(request),
    fault,
  });
}

describe("writing a new version", () => {
  test("stored → the vault has all that was sent, and the outcome names the version", async () => {
    const expiresOn = new Date("2027-02-21T03:00:00Z");
    const outcome = await azure.secrets.write(
      address,
      version({ expiresOn, tags: { team: "data", sequence: "7" } }),
    );
    if (outcome.kind !== "stored") throw new Error(inspect(outcome));
    const [stored, ...others] =
      azure.simulator.secrets("contoso-keys").get(address.secretName)?.versions ?? [];
    expect(others).toEqual([]);
    expect(stored).toMatchObject({
      version: outcome.secret.version,
      value: reveal(key),
      contentType: "text/plain",
      tags: { team: "data", sequence: "7" },
      expires: expiresOn.getTime() / 1000,
    });
    expect(outcome.secret).toMatchObject({
      tags: { team: "data", sequence: "7" },
      contentType: "text/plain",
    });
    expect(outcome.secret.createdOn).toBeInstanceOf(Date);
  });

  test.each([
    ["no expiry", undefined, undefined],
    ["an expiry later than the SDK can write", new Date("2040-01-01T00:00:00Z"), 2 ** 31 - 1],
  ])("%s → the vault has the expiry $2", async (_, expiresOn, expires) => {
    await azure.secrets.write(address, version({ expiresOn }));
    const [stored] = azure.simulator.secrets("contoso-keys").get(address.secretName)?.versions ?? [];
    expect(stored).toMatchObject({ expires });
  });

  test("eight first calls at once, on ten fresh clients → each version has its whole value", async () => {
    const sent: string[] = [];
    for (let trial = 0; trial < 10; trial++) {
      const { secrets } = createClients(azure.simulator, azure.credential);
      const names = Array.from({ length: 8 }, (_, i) => `parallel-${trial}-${i}`);
      const write = (name: string) =>
        secrets.write({ ...address, secretName: name }, version({ key: redact(name) }));
      const outcomes = await Promise.all(names.map(write));
      expect(outcomes.map(({ kind }) => kind)).toEqual(Array(8).fill("stored"));
      sent.push(...names);
    }
    const stored = sent.map((name) =>
      azure.simulator
        .secrets("contoso-keys")
        .get(name)
        ?.versions.map(({ value }) => value),
    );
    expect(stored).toEqual(sent.map((name) => [name]));
  });

  test("the vault echoes another value → unclear, not stored", async () => {
    const body = JSON.stringify({
      value: "foreign-value",
      id: `${azure.contoso}/secrets/${address.secretName}/0123456789abcdef0123456789abcdef`,
      attributes: { enabled: true, created: 1, updated: 1 },
    });
    inject(withoutEffect(200, { body }));
    const outcome = await azure.secrets.write(address, version());
    expect(outcome).toMatchObject({ kind: "unclear", problem: { code: "other-value-echoed" } });
    expect(inspect(outcome, { depth: null })).not.toContain("foreign-value");
  });

  test.each<[string, Fault, "refused" | "unclear", string]>([
    ["400", refusal(400), "refused", "bad-request"],
    ["403", refusal(403), "refused", "forbidden"],
    ["409", refusal(409), "refused", "conflict"],
    ["429", refusal(429), "refused", "throttled"],
    ["403 with an empty body", refusal(403, { body: "" }), "refused", "forbidden"],
    ["500", applied(500), "unclear", "server-error"],
    ["500 with an empty body", applied(500, { body: "" }), "unclear", "server-error"],
    ["503", applied(503), "unclear", "server-error"],
    ["200 with HTML", applied(200, { body: "<p>", contentType: "text/html" }), "unclear", "unusable-answer"],
    ["200 with an empty body", applied(200, { body: "" }), "unclear", "unusable-answer"],
    ["a redirect", withoutEffect(307, { headers: { location: "/" } }), "unclear", "unexpected-status"],
    ["200 cut off", { kind: "cutOff", bytes: 30 }, "unclear", "connection-lost"],
    ["a dropped connection", { kind: "drop", effect: "applied" }, "unclear", "connection-lost"],
    ["no answer in time", noAnswerWithin(clientTimeoutMs), "unclear", "timed-out"],
  ])("%s → its certain effect, after one request", async (_, fault, kind, code) => {
    // The client's first call also fetches the challenge, which is not counted here.
    await azure.secrets.readLatest(address);
    const requests = watchVaults();
    inject(fault);
    const outcome = await azure.secrets.write(address, version());
    expect(outcome).toMatchObject({ kind, problem: { code } });
    expect(requests()).toHaveLength(1);
    expect(inspect(outcome, { depth: null, showHidden: true }) + JSON.stringify(outcome)).not.toContain(
      canary,
    );
  });

  test("429 with Retry-After → the vault's own time to wait", async () => {
    inject(refusal(429, { headers: { "retry-after": "3" } }));
    expect(await azure.secrets.write(address, version())).toMatchObject({ problem: { retryAfterMs: 3000 } });
  });

  test("an error that repeats the value, plain or encoded → the problem quotes only the code", async () => {
    const words = `${"x".repeat(390)} ${reveal(key)} ${encodeURIComponent(reveal(key))}`;
    const body = JSON.stringify({ error: { code: "BadParameter", message: words } });
    inject(refusal(400, { body }));
    const outcome = await azure.secrets.write(address, version());
    const message = `Key Vault ${new URL(azure.contoso).host} answered 400 BadParameter`;
    expect(outcome).toMatchObject({ problem: { message } });
  });

  test("a refusal with an inner code → its own problem, whose message names the vault and the codes", async () => {
    inject(
      refusal(403, { body: '{"error":{"code":"Forbidden","innererror":{"code":"ForbiddenByPolicy"}}}' }),
    );
    const message = `Key Vault ${new URL(azure.contoso).host} answered 403 Forbidden (ForbiddenByPolicy)`;
    expect(await azure.secrets.write(address, version())).toMatchObject({
      kind: "refused",
      problem: { code: "forbidden-by-policy", message },
    });
  });
});

describe("the vault refuses a token", () => {
  const challenge = 'Bearer authorization="https://login.example/tenant", resource="https://vault.azure.net"';

  test("it was revoked → refused and transient, after one request; the next call has a new one", async () => {
    const { secrets } = createClients(azure.simulator, createCredential(crypto.randomUUID()));
    await secrets.readLatest(address);
    revokeToken("keyVault", { "www-authenticate": challenge });
    const requests = watchVaults();
    expect(await secrets.write(address, version())).toMatchObject({
      kind: "refused",
      problem: { code: "unauthenticated", transient: true },
    });
    expect(requests()).toHaveLength(1);
    expect(await secrets.write(address, version())).toMatchObject({ kind: "stored" });
  });

  test("it refuses every token → transient once, and one token request more", async () => {
    const { secrets } = createClients(azure.simulator, createCredential(crypto.randomUUID()));
    await secrets.readLatest(address);
    azure.simulator.inject({
      service: "keyVault",
      times: Number.POSITIVE_INFINITY,
      matches: ({ headers }) => headers["authorization"] !== undefined,
      fault: refusal(401, { headers: { "www-authenticate": challenge } }),
    });
    const tokenRequests = watch("identity");
    const transient = async () => {
      const outcome = await secrets.readLatest(address);
      return outcome.kind === "failed" && outcome.problem.transient;
    };
    expect([await transient(), await transient(), await transient()]).toEqual([true, false, false]);
    expect(tokenRequests()).toHaveLength(1);
  });
});

test.each([
  ["for its own domain", "https://vault.azure.net", ["https://vault.azure.net/.default"], "none"],
  ["for another domain", "https://vault.example", [], "failed"],
])("a vault outside this machine challenges %s → token requests %j", async (_, resource, scopes, kind) => {
  const host = "contoso-keys.vault.azure.net";
  vi.spyOn(dns, "lookup").mockImplementation(((_name: string, options: object, callback: Lookup) =>
    "all" in options
      ? callback(null, [{ address: "127.0.0.1", family: 4 }])
      : callback(null, "127.0.0.1", 4)) as typeof dns.lookup);
  const certificate = await createServerCertificate(host);
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), certificate.cert]);
  const server = createServer(certificate, (request, response) => {
    const challenge = `Bearer authorization="https://login.example/tenant", resource="${resource}"`;
    if (request.headers.authorization === undefined)
      response.writeHead(401, { "www-authenticate": challenge }).end();
    else response.writeHead(404).end('{"error":{"code":"SecretNotFound"}}');
  });
  const requested: unknown[] = [];
  const credential = credentialOf(async (scope) => {
    requested.push(...[scope].flat());
    return { token: "token", expiresOnTimestamp: Date.now() + 3_600_000 };
  });
  const vaultUrl = `https://${host}:${await listen(server)}`;
  const { secrets } = createClients(azure.simulator, credential);
  const latest = await secrets.readLatest({ vaultUrl, secretName: "key" });
  const lists = createKeyVaultLists({ credential, callTimeoutMs: clientTimeoutMs });
  await lists.secretNames(vaultUrl);
  server.closeAllConnections();
  server.close();
  vi.restoreAllMocks();

  expect(latest.kind).toBe(kind);
  expect([...new Set(requested)]).toEqual(scopes);
});

type Lookup = (error: null, address: unknown, family?: number) => void;

describe("reading the latest version", () => {
  test("an enabled version → its properties and its key, which cannot be printed", async () => {
    await azure.secrets.write(address, version({ key: redact("old") }));
    await azure.secrets.write(address, version({ tags: { sequence: "2" } }));
    const latest = await azure.secrets.readLatest(address);
    if (latest.kind !== "enabled") throw new Error(inspect(latest));
    expect(latest.secret.tags).toEqual({ sequence: "2" });
    expect(reveal(latest.key)).toBe(reveal(key));
    expect(inspect(latest, { depth: null })).not.toContain(canary);
  });

  test.each<[string, Fault, string]>([
    ["403", refusal(403), "forbidden"],
    ["404 that is not from the vault", refusal(404, { body: "<p>", contentType: "text/html" }), "not-found"],
    ["500 with an empty body", refusal(500, { body: "" }), "server-error"],
    ["no answer in time", noAnswerWithin(clientTimeoutMs), "timed-out"],
    ["a dropped connection", { kind: "drop", effect: "none" }, "connection-lost"],
    ["200 with HTML", withoutEffect(200, { body: "<p>", contentType: "text/html" }), "unusable-answer"],
  ])("%s → failed, and not reported as no version", async (_, fault, code) => {
    await azure.secrets.readLatest(address);
    const requests = watchVaults();
    inject(fault);
    expect(await azure.secrets.readLatest(address)).toMatchObject({ kind: "failed", problem: { code } });
    expect(requests()).toHaveLength(1);
  });

  test.each<[string, Fault]>([
    ["hangs", noAnswerWithin(clientTimeoutMs)],
    ["fails", refusal(400)],
  ])("the identity endpoint %s at the vault's first call → no token, not a 401", async (_, fault) => {
    // The token cache belongs to the process: another client id is another token.
    const { secrets } = createClients(azure.simulator, createCredential(crypto.randomUUID()));
    azure.simulator.inject({ service: "identity", times: Number.POSITIVE_INFINITY, fault });
    expect(await secrets.readLatest(address)).toMatchObject({
      kind: "failed",
      problem: { code: "no-token", transient: true },
    });
  });

  test("no server at the vault's address → failed, with the vault's name", async () => {
    const nowhere = { ...address, vaultUrl: "https://127.0.0.1:1" };
    expect(await azure.secrets.readLatest(nowhere)).toMatchObject({
      kind: "failed",
      problem: { code: "unreachable", message: expect.stringContaining("Key Vault 127.0.0.1:1") },
    });
  });
});
