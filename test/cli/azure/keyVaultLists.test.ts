import { inspect } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { createKeyVaultLists } from "../../../cli/azure/keyVaultLists.ts";
import type { Fault } from "../../../local/simulator/types.ts";
import { createCredential } from "../../../src/azure/credential.ts";
import { redact } from "../../../src/domain/redacted.ts";
import { canary } from "../../support/azure.ts";
import { holdTime, noAnswerWithin } from "../../support/heldTime.ts";
import { refusal, withoutEffect } from "../../support/requests.ts";
import { azure, revokeToken, useAzure, watch } from "../../support/useAzure.ts";

useAzure();
beforeEach(() => {
  azure.simulator.secrets("contoso-keys").clear();
});

/** The SDK pauses for a second or two before it repeats a request. The limit on real time is far above that. */
const usualTimeoutMs = 60_000;

const history = (callTimeoutMs = usualTimeoutMs) =>
  createKeyVaultLists({ credential: azure.credential, callTimeoutMs });

const write = (secretName: string, tags: Readonly<Record<string, string>> = {}) =>
  azure.secrets.write(
    { vaultUrl: azure.contoso, secretName },
    {
      key: redact(`ADF#${canary}`),
      contentType: "text/plain",
      tags,
      expiresOn: new Date("2030-01-02T03:04:05Z"),
    },
  );

function inject(fault: Fault, times = 1) {
  azure.simulator.inject({
    service: "keyVault",
    times,
    matches: ({ headers }) => headers["authorization"] !== undefined,
    fault,
  });
}

test("30 secrets, one of them a certificate's → 29 names, from all pages", async () => {
  for (let index = 0; index < 30; index++) await write(`secret-${index}`);
  const certificate = azure.simulator.secrets("contoso-keys").get("secret-7");
  if (certificate !== undefined) certificate.managed = true;
  const listing = await history().secretNames(azure.contoso);
  if (listing.kind === "failed") throw new Error(inspect(listing));
  expect(new Set(listing.items).size).toBe(29);
  expect(listing.items).not.toContain("secret-7");
});

describe("a secret's versions", () => {
  test("30 versions, one of them disabled → all with tags, state and dates; no request for a value", async () => {
    for (let index = 0; index < 30; index++) await write("a", { sequence: String(index + 1) });
    const [first] = azure.simulator.secrets("contoso-keys").get("a")?.versions ?? [];
    if (first !== undefined) first.enabled = false;
    const sent = watch("keyVault");
    const listing = await history().versions({ vaultUrl: azure.contoso, secretName: "A" });
    if (listing.kind === "failed") throw new Error(inspect(listing));

    expect(new Set(listing.items.map(({ tags }) => tags["sequence"])).size).toBe(30);
    expect(listing.items.find(({ version }) => version === first?.version)).toMatchObject({
      enabled: false,
      expiresOn: new Date("2030-01-02T03:04:05Z"),
      contentType: "text/plain",
      tags: { sequence: "1" },
      ownedByCertificate: false,
    });
    expect(listing.items.filter(({ enabled }) => enabled)).toHaveLength(29);
    expect(new Set(sent().map(({ method, url }) => `${method} ${url.split("?")[0]}`))).toEqual(
      new Set(["GET /secrets/A/versions"]),
    );
    expect(inspect(listing, { depth: null })).not.toContain(canary);
  });

  test("no such secret → none", async () => {
    expect(await history().versions({ vaultUrl: azure.contoso, secretName: "missing" })).toEqual({
      kind: "listed",
      items: [],
    });
  });

  test.each([503, 429])(
    "the vault answers %i once, without Retry-After → the list is requested again",
    async (status) => {
      await write("a");
      inject(refusal(status));
      expect(await history().versions({ vaultUrl: azure.contoso, secretName: "a" })).toMatchObject({
        kind: "listed",
        items: [{ contentType: "text/plain" }],
      });
    },
  );

  describe("when the list fails", () => {
    holdTime();
    const id = "https://v.vault.azure.net/secrets/a/0123456789abcdef0123456789abcdef";
    const undated = JSON.stringify({ value: [{ id, attributes: { enabled: true } }] });

    test.each<[string, Fault, string]>([
      ["403", refusal(403), "forbidden"],
      ["200 with HTML", withoutEffect(200, { body: "<p>", contentType: "text/html" }), "unusable-answer"],
      ["a version without a date", withoutEffect(200, { body: undated }), "unusable-answer"],
      ["no answer in time", noAnswerWithin(usualTimeoutMs), "timed-out"],
    ])("%s → failed, and not reported as an empty list", async (_, fault, code) => {
      await write("a");
      inject(fault, Number.POSITIVE_INFINITY);
      const listing = await history().versions({ vaultUrl: azure.contoso, secretName: "a" });
      expect(listing).toMatchObject({ kind: "failed", problem: { code } });
    });
  });

  test("no server at the vault's address → failed, with the vault's name", async () => {
    expect(await history(500).secretNames("https://127.0.0.1:1")).toMatchObject({
      kind: "failed",
      problem: { message: expect.stringContaining("Key Vault 127.0.0.1:1") },
    });
  });
});

test("the vault refuses a token → failed and transient; the next list has a new one", async () => {
  const credential = createCredential(crypto.randomUUID());
  const lists = createKeyVaultLists({ credential, callTimeoutMs: usualTimeoutMs });
  await lists.secretNames(azure.contoso);
  revokeToken("keyVault");
  expect(await lists.secretNames(azure.contoso)).toMatchObject({
    kind: "failed",
    problem: { code: "unauthenticated", transient: true },
  });
  expect((await lists.secretNames(azure.contoso)).kind).toBe("listed");
});
