import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Fault, RecordedRequest, SimulatedService } from "../../local/simulator/types.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Gateway, Run } from "../../src/domain/target.ts";
import { emptyJournal, journalName, journalText } from "../../src/journal/journal.ts";
import type { InvocationTerms } from "../../src/rotation/context.ts";
import { dryRun } from "../../src/runs/dryRun.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/models/blobModel.ts";
import { clientTimeoutMs as callTimeoutMs } from "../support/azure.ts";
import { anotherTarget, gateway, runtime, runtimeTarget } from "../support/gateways.ts";
import { isPut, isRegenerate, isStore } from "../support/requests.ts";
import { azure, useAzure } from "../support/useAzure.ts";

let blobs: SimulatedBlobs;

useAzure();
beforeAll(async () => {
  // The SDKs and the first token take their time where much else is going on.
  await azure.secrets.readDeleted(gateway(azure.contoso).secret);
  await azure.keys.listKeys(runtimeTarget);
});
beforeEach(() => {
  azure.simulator.secrets("contoso-keys").clear();
  blobs = createSimulatedBlobs({ clock: Date.now });
});

const inject = (service: SimulatedService, fault: Fault, matches: (request: RecordedRequest) => boolean) =>
  azure.simulator.inject({ service, fault, matches, times: Number.POSITIVE_INFINITY });

const answer = (status: number, body?: object): Fault => ({
  kind: "answer",
  status,
  effect: "none",
  ...(body === undefined ? {} : { body: JSON.stringify(body), contentType: "application/json" }),
});

const isPermissions = ({ url }: RecordedRequest) => /authorization\/permissions/i.test(url);
const isDescribe = (request: RecordedRequest) => request.method === "GET" && !isPermissions(request);

async function plan(
  gateways: readonly Gateway[],
  storage: BlobStore = blobs,
  run: Partial<Run> = {},
  terms: Partial<InvocationTerms> = {},
) {
  const before = azure.simulator.requests.length;
  const { keys, secrets, simulator } = azure;
  const planned = await dryRun(
    {
      keys,
      secrets,
      blobs: storage,
      inspector: keys,
      events: { emit() {} },
      clock: { now: Date.now, sleep: async () => {} },
      newGuid: () => crypto.randomUUID(),
      random: () => 0.5,
    },
    gateways,
    {
      run: {
        id: "dry-run",
        trigger: "http",
        reason: "first check",
        requestedBy: "function-key",
        mode: "standard",
        takeOwnership: false,
        ...run,
      },
      createdAt: Date.now(),
      deploymentName: "prod",
      functionTimeoutMs: 60_000,
      deadline: Date.now() + 50_000,
      callTimeoutMs,
      concurrency: 4,
      ...terms,
    },
  );
  const requests = simulator.requests.slice(before);
  expect(requests.filter(isRegenerate)).toEqual([]);
  expect(requests.filter((request) => isStore(request))).toEqual([]);
  expect(blobs.snapshot().blobs).toEqual([]);
  return planned;
}

const codes = async (...sent: Parameters<typeof plan>) =>
  (await plan(...sent)).flatMap(({ problems }) => problems.map(({ code }) => code));

describe("a dry run where nothing is wrong", () => {
  test("gateways of one kind and terms → one write to their vault, and no blob is left behind", async () => {
    const before = azure.simulator.requests.length;
    const planned = await plan([gateway(azure.contoso), gateway(azure.contoso, { name: "other" })]);
    expect(planned).toMatchObject([
      { would: { kind: "rotate", reason: "no-version" }, problems: [] },
      { would: { kind: "rotate", reason: "no-version" }, problems: [] },
    ]);
    expect(azure.simulator.requests.slice(before).filter(isPut)).toHaveLength(1);
  });
});

describe("a dry run with an obstacle → reports it, and touches no key", () => {
  test.each([
    ["the gateway is not there", { target: anotherTarget("missing") }, ["gateway-not-found"]],
    [
      "its resource group is not there",
      {
        target: {
          ...anotherTarget("x"),
          resourceId: gateway().target.resourceId.replace("/adf/", "/other/"),
        },
      },
      ["gateway-not-found"],
    ],
  ])("%s", async (_what, terms, expected) => {
    expect(await codes([gateway(azure.contoso, terms)])).toEqual(expected);
  });

  test("a runtime that is linked, or that Azure runs", async () => {
    inject(
      "resourceManager",
      answer(200, {
        properties: { type: "SelfHosted", typeProperties: { linkedInfo: { resourceId: "/x" } } },
      }),
      isDescribe,
    );
    expect(await codes([runtime(azure.contoso)])).toEqual(["runtime-linked"]);
    azure.simulator.clearFaults();
    inject("resourceManager", answer(200, { properties: { type: "Managed" } }), isDescribe);
    expect(await codes([runtime(azure.contoso)])).toEqual(["runtime-managed"]);
  });

  test.each([
    ["no role at all", { value: [] }],
    ["a role that reads", { value: [{ actions: ["*/read"], notActions: [] }] }],
    [
      "a role that takes it back",
      {
        value: [
          {
            actions: ["*"],
            notActions: ["Microsoft.DataFactory/*/regenerate*/action", "Microsoft.DataFactory/*/action"],
          },
        ],
      },
    ],
  ])("%s → the missing actions by name", async (_what, permissions) => {
    inject("resourceManager", answer(200, permissions), isPermissions);
    const planned = await plan([gateway(azure.contoso), runtime(azure.contoso)]);
    expect(planned.flatMap(({ problems }) => problems)).toMatchObject([
      { code: "permission-missing", message: expect.stringContaining("gateways/regeneratekey/action") },
      { code: "permission-missing", message: expect.stringMatching(/regenerateauthkey.*listauthkeys/) },
    ]);
  });

  test("permissions in two roles, on two pages → enough", async () => {
    const action = (name: string) => ({
      actions: [`Microsoft.DataFactory/factories/integrationRuntimes/${name}/action`],
    });
    const next = `${azure.simulator.resourceManagerUrl}${runtime().target.resourceId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01&$skiptoken=2`;
    const isSecond = ({ url }: RecordedRequest) => url.includes("skiptoken");
    inject(
      "resourceManager",
      answer(200, { value: [action("regenerateAuthKey")], nextLink: next }),
      (request) => isPermissions(request) && !isSecond(request),
    );
    inject("resourceManager", answer(200, { value: [action("listAuthKeys")] }), isSecond);
    expect(await codes([runtime(azure.contoso)])).toEqual([]);
  });

  test("the next page of permissions is on another host → no request, since it would carry our token", async () => {
    const nextLink = "https://127.0.0.1:9/permissions";
    inject("resourceManager", answer(200, { value: [{ actions: ["*"] }], nextLink }), isPermissions);
    expect(await codes([gateway(azure.contoso)])).toEqual(["permissions-unusable-answer"]);
  });

  test("its permissions cannot be read → another problem than a missing permission", async () => {
    inject("resourceManager", answer(403), isPermissions);
    expect(await codes([gateway(azure.contoso)])).toEqual(["permissions-forbidden"]);
  });

  test("the vault refuses writes", async () => {
    inject("keyVault", answer(403), isPut);
    expect(await codes([gateway(azure.contoso)])).toEqual(["vault-takes-no-writes"]);
  });

  test("the secret is soft-deleted, or a certificate's", async () => {
    const of = gateway(azure.contoso);
    const version = { version: "0".repeat(32), value: "x", tags: {}, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: true, managed: false };
    const secrets = azure.simulator.secrets("contoso-keys");
    secrets.set(of.secret.secretName, secret);
    expect(await codes([of])).toEqual(["secret-soft-deleted"]);
    secrets.set(of.secret.secretName, { ...secret, deleted: false, managed: true });
    expect(await codes([of])).toEqual(["owned-by-certificate"]);
  });

  test("a committed secret is being deleted → waited for, and reported as deleted", async () => {
    const of = gateway(azure.contoso);
    const version = { version: "0".repeat(32), value: "x", tags: {}, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: false, managed: false };
    const vault = azure.simulator.secrets("contoso-keys");
    vault.set(of.secret.secretName, { ...secret, deleting: true });
    const commit = {
      version: version.version,
      slot: "key",
      clientRequestId: "a",
      sequence: 1,
      at: 1,
    } as const;
    const journal = journalText({ ...emptyJournal(of), commit });
    const withJournal: BlobStore = {
      ...blobs,
      read: async (name) =>
        name === journalName(of)
          ? { kind: "found", text: journal, etag: '"1"', now: Date.now() }
          : blobs.read(name),
    };
    let reads = 0;
    const settle = () => {
      if (++reads === 3) vault.set(of.secret.secretName, { ...secret, deleted: true });
    };
    inject("keyVault", { kind: "call", when: "before", run: settle }, ({ url }) =>
      url.startsWith("/deletedsecrets/"),
    );
    expect(await codes([of], withJournal)).toEqual(["secret-soft-deleted"]);
  });

  const published = (value: string) => {
    const of = runtime(azure.contoso);
    const version = { version: "0".repeat(32), value, tags: {}, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: false, managed: false };
    azure.simulator.secrets("contoso-keys").set(of.secret.secretName, secret);
    return of;
  };
  const liveKey = () => azure.simulator.keys(runtimeTarget.resourceId)["authKey2"] ?? "";

  test("the published key of a two-key gateway is dead → not ready", async () => {
    expect(await codes([published(liveKey().replace("@", "@dead"))])).toEqual(["published-key-dead"]);
  });

  test.each([
    ["exactly", (key: string) => key],
    ["in quotes", (key: string) => `"${key}"`],
  ])("the secret holds a key that works, %s → ready", async (_, write) => {
    expect(await codes([published(write(liveKey()))])).toEqual([]);
  });

  test("the keys of a two-key gateway cannot be listed → named", async () => {
    inject("resourceManager", answer(403), ({ url }) => url.includes("listAuthKeys"));
    expect(await codes([runtime(azure.contoso)])).toEqual(["list-keys-forbidden"]);
  });

  test("storage can be read, but not written", async () => {
    const problem = { code: "forbidden" as const, message: "Blob Storage answered 403.", transient: false };
    const readOnly: BlobStore = { ...blobs, write: async () => ({ kind: "refused", problem }) };
    expect(await codes([gateway(azure.contoso), runtime(azure.contoso)], readOnly)).toEqual([
      "storage-forbidden",
      "storage-forbidden",
    ]);
  });

  test("storage accepts a new blob, but no change of it", async () => {
    const problem = { code: "forbidden" as const, message: "Blob Storage answered 403.", transient: false };
    const writeOnce: BlobStore = {
      ...blobs,
      write: async (name, text, condition) =>
        condition.kind === "absent" ? blobs.write(name, text, condition) : { kind: "refused", problem },
    };
    expect(await codes([gateway(azure.contoso)], writeOnce)).toEqual(["storage-forbidden"]);
  });

  test("a journal cannot be read, though other blobs can be written", async () => {
    const problem = {
      code: "conflict" as const,
      message: "Blob Storage answered 409 BlobArchived.",
      transient: false,
    };
    const archived: BlobStore = { ...blobs, read: async () => ({ kind: "failed", problem }) };
    expect(await codes([gateway(azure.contoso)], archived)).toEqual(["storage-conflict"]);
  });

  test("a vault's policy requires an expiry, and one of two gateways has none → that one is not ready", async () => {
    inject("keyVault", answer(403), (request) => isPut(request) && !request.body.includes('"exp"'));
    const planned = await plan([
      gateway(azure.contoso, { expireAfterDays: 90 }),
      runtime(azure.contoso),
      gateway(azure.contoso, { name: "other" }),
    ]);
    expect(planned.map(({ problems }) => problems.map(({ code }) => code))).toEqual([
      [],
      ["vault-takes-no-writes"],
      ["vault-takes-no-writes"],
    ]);
  });

  test("another deployment's secret → refused, unless the request sets takeOwnership", async () => {
    const of = gateway(azure.contoso);
    const tags = { "managed-by": "gateway-key-rotation/other" };
    const version = { version: "0".repeat(32), value: "x", tags, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: false, managed: false };
    azure.simulator.secrets("contoso-keys").set(of.secret.secretName, secret);
    expect(await codes([of])).toEqual(["other-deployment"]);
    expect(await codes([of], blobs, { takeOwnership: true })).toEqual([]);
  });

  test("no time is left → each gateway reports it, and no service is called", async () => {
    const before = azure.simulator.requests.length;
    expect(await codes([gateway(azure.contoso)], blobs, {}, { yieldAt: Date.now() - 1 })).toEqual([
      "not-checked",
    ]);
    expect(azure.simulator.requests.length).toBe(before);
  });

  test("every obstacle at once → each is reported", async () => {
    inject("keyVault", answer(403), () => true);
    inject("resourceManager", answer(403), () => true);
    expect(await codes([gateway(azure.contoso)])).toEqual([
      "vault-forbidden",
      "vault-takes-no-writes",
      "gateway-forbidden",
    ]);
  });
});
