import { describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { type Credential, createCredential } from "../../src/azure/credential.ts";
import { createResourceManager } from "../../src/azure/resourceManager.ts";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import { clientTimeoutMs, createClients, credentialOf } from "../support/azure.ts";
import { gatewayTarget, runtimeTarget } from "../support/gateways.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { refusal } from "../support/requests.ts";
import { azure, revokeToken, useAzure, watch } from "../support/useAzure.ts";

useAzure();
holdTime();

const newId = () => toClientRequestId(crypto.randomUUID());

test("401 to a token that cannot be renewed → unchanged, and not transient", async () => {
  const { keys } = createClients(azure.simulator, credentialOf(azure.credential.getToken));
  azure.simulator.inject({ service: "resourceManager", fault: refusal(401) });
  expect(await keys.regenerate(gatewayTarget, "key", newId())).toMatchObject({
    kind: "unchanged",
    problem: { code: "unauthenticated", transient: false },
  });
});

test("a token that was revoked → unchanged and transient, one request; the next attempt has a new one", async () => {
  const { keys } = createClients(azure.simulator, createCredential(crypto.randomUUID()));
  await keys.listKeys(runtimeTarget);
  const claims = Buffer.from("{}").toString("base64");
  // With this challenge, the SDK would send the request again by itself.
  const challenge = `Bearer error="insufficient_claims", claims="${claims}"`;
  revokeToken("resourceManager", { "www-authenticate": challenge });
  const sent = watch("resourceManager");
  expect(await keys.regenerate(runtimeTarget, "authKey2", newId())).toMatchObject({
    kind: "unchanged",
    problem: { code: "unauthenticated", transient: true },
  });
  expect(sent()).toHaveLength(1);
  expect((await keys.regenerate(runtimeTarget, "authKey2", newId())).kind).toBe("applied");
});

test("the scope of another cloud → the token is requested for it", async () => {
  const scopes: unknown[] = [];
  const credential = credentialOf((scope) => {
    scopes.push(scope);
    return azure.credential.getToken("https://management.azure.com/.default");
  });
  const url = azure.simulator.resourceManagerUrl;
  const keys = createResourceManager({
    credential,
    url,
    scope: "https://cloud.example/.default",
    callTimeoutMs: clientTimeoutMs,
  });
  expect((await keys.regenerate(gatewayTarget, "key", newId())).kind).toBe("applied");
  expect(scopes).toEqual([["https://cloud.example/.default"]]);
});

test("gateways of two subscriptions → one token serves both", async () => {
  let asked = 0;
  const credential = credentialOf((scope) => {
    asked++;
    return azure.credential.getToken(scope);
  });
  const { keys } = createClients(azure.simulator, credential);
  const subscriptionId = "11111111-1111-1111-1111-111111111111";
  await keys.listKeys(runtimeTarget);
  await keys.listKeys({ ...runtimeTarget, subscriptionId });
  expect(asked).toBe(1);
});

describe("a request that was never sent", () => {
  const regenerateWith = (terms: { url?: string; credential?: Credential }) =>
    createResourceManager({
      credential: azure.credential,
      url: azure.simulator.resourceManagerUrl,
      scope: "https://management.azure.com/.default",
      callTimeoutMs: clientTimeoutMs,
      ...terms,
    }).regenerate(gatewayTarget, "key", newId());

  test("no server at the address → unchanged", async () => {
    const outcome = await regenerateWith({ url: "https://127.0.0.1:1" });
    expect(outcome).toMatchObject({ kind: "unchanged", problem: { code: "unreachable", transient: true } });
    expect(outcome).toMatchObject({ problem: { message: expect.stringContaining("ECONNREFUSED") } });
  });

  test("a server whose certificate is not trusted → unchanged, and no request reaches it", async () => {
    const stranger = await startSimulator({ vaults: [], gateways: [gatewayTarget.resourceId] });
    try {
      const outcome = await regenerateWith({ url: stranger.resourceManagerUrl });
      expect(outcome).toMatchObject({
        kind: "unchanged",
        problem: { code: "certificate-untrusted", transient: true },
      });
      expect(stranger.requests).toEqual([]);
    } finally {
      await stranger.stop();
    }
  });

  test("a name that does not resolve → unchanged", async () => {
    const outcome = await regenerateWith({ url: "https://management.invalid" });
    expect(outcome).toMatchObject({ kind: "unchanged", problem: { code: "unreachable" } });
  });

  test("no token → unchanged, and nothing was sent", async () => {
    const error = Object.assign(new Error("no identity here"), { name: "CredentialUnavailableError" });
    const credential = credentialOf(() => Promise.reject(error));
    const sent = watch("resourceManager");
    const outcome = await regenerateWith({ credential });
    expect(outcome).toMatchObject({ kind: "unchanged", problem: { code: "no-token", transient: true } });
    expect(outcome).toMatchObject({
      problem: { message: "No token for Resource Manager: no identity here" },
    });
    expect(sent()).toEqual([]);
  });

  test("the token arrives after the time limit → unchanged, and the request is never sent", async () => {
    const token = Promise.withResolvers<{ token: string; expiresOnTimestamp: number }>();
    const sent = watch("resourceManager");
    const asked = Promise.withResolvers<void>();
    const getToken = () => {
      asked.resolve();
      return token.promise;
    };
    const waiting = regenerateWith({ credential: credentialOf(getToken) });
    await asked.promise;
    await passTime(clientTimeoutMs);
    expect(await waiting).toMatchObject({ kind: "unchanged", problem: { code: "no-token" } });
    token.resolve({ token: "late", expiresOnTimestamp: Date.now() + 3_600_000 });
    // The request of the first call would go out now, before that of another call.
    const clientRequestId = newId();
    await azure.keys.regenerate(gatewayTarget, "key", clientRequestId);
    expect(sent().map(({ headers }) => headers["x-ms-client-request-id"])).toEqual([clientRequestId]);
  });
});
