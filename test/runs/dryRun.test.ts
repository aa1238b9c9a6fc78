import { beforeAll, describe, expect, test } from "vitest";
import type { Fault, RecordedRequest, SimulatedService } from "../../local/simulator/types.ts";
import type { Gateway, Run } from "../../src/domain/target.ts";
import { dryRun } from "../../src/runs/dryRun.ts";
import { gateway, runtime, runtimeTarget } from "../support/gateways.ts";
import { httpRun, lab, useLab } from "../support/lab.ts";
import { isPut, isRegenerate, isStore, refusal, withoutEffect } from "../support/requests.ts";

useLab();
beforeAll(async () => {
  // The SDKs and the first token take their time where much else is going on.
  await lab.azure.secrets.readDeleted(gateway(lab.azure.contoso).secret);
  await lab.azure.keys.listKeys(runtimeTarget);
});

const inject = (service: SimulatedService, fault: Fault, matches: (request: RecordedRequest) => boolean) =>
  lab.inject(service, fault, matches, Number.POSITIVE_INFINITY);

const answer = (body: object): Fault =>
  withoutEffect(200, { body: JSON.stringify(body), contentType: "application/json" });

const isPermissions = ({ url }: RecordedRequest) => /authorization\/permissions/i.test(url);

async function plan(gateways: readonly Gateway[], run: Partial<Run> = {}) {
  const { keys: inspector, simulator } = lab.azure;
  const before = simulator.requests.length;
  const { services, terms } = lab.invocation();
  const planned = await dryRun({ ...services, inspector }, gateways, {
    ...terms,
    run: httpRun(run),
    createdAt: lab.now(),
  });
  const requests = simulator.requests.slice(before);
  expect(requests.filter(isRegenerate)).toEqual([]);
  expect(requests.filter((request) => isStore(request))).toEqual([]);
  expect(lab.blobs.snapshot().blobs).toEqual([]);
  return planned;
}

const codes = async (...sent: Parameters<typeof plan>) =>
  (await plan(...sent)).flatMap(({ problems }) => problems.map(({ code }) => code));

describe("a dry run where nothing is wrong", () => {
  test("gateways of one kind and terms → one write to their vault, and no blob is left behind", async () => {
    const before = lab.azure.simulator.requests.length;
    const planned = await plan([gateway(lab.azure.contoso), gateway(lab.azure.contoso, { name: "other" })]);
    expect(planned).toMatchObject([
      { would: { kind: "rotate", reason: "no-version" }, problems: [] },
      { would: { kind: "rotate", reason: "no-version" }, problems: [] },
    ]);
    expect(lab.azure.simulator.requests.slice(before).filter(isPut)).toHaveLength(1);
  });
});

describe("a dry run with an obstacle → reports it, and touches no key", () => {
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
    inject("resourceManager", answer(permissions), isPermissions);
    const planned = await plan([gateway(lab.azure.contoso), runtime(lab.azure.contoso)]);
    expect(planned.flatMap(({ problems }) => problems)).toMatchObject([
      { code: "permission-missing", message: expect.stringContaining("gateways/regeneratekey/action") },
      { code: "permission-missing", message: expect.stringMatching(/regenerateauthkey.*listauthkeys/) },
    ]);
  });

  test("permissions in two roles, on two pages → enough", async () => {
    const action = (name: string) => ({
      actions: [`Microsoft.DataFactory/factories/integrationRuntimes/${name}/action`],
    });
    const next = `${lab.azure.simulator.resourceManagerUrl}${runtime().target.resourceId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01&$skiptoken=2`;
    const isSecond = ({ url }: RecordedRequest) => url.includes("skiptoken");
    inject(
      "resourceManager",
      answer({ value: [action("regenerateAuthKey")], nextLink: next }),
      (request) => isPermissions(request) && !isSecond(request),
    );
    inject("resourceManager", answer({ value: [action("listAuthKeys")] }), isSecond);
    expect(await codes([runtime(lab.azure.contoso)])).toEqual([]);
  });

  test("the vault refuses writes", async () => {
    inject("keyVault", refusal(403), isPut);
    expect(await codes([gateway(lab.azure.contoso)])).toEqual(["vault-takes-no-writes"]);
  });

  test("the secret is soft-deleted, or a certificate's", async () => {
    const of = gateway(lab.azure.contoso);
    const version = { version: "0".repeat(32), value: "x", tags: {}, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: true, managed: false };
    const secrets = lab.azure.simulator.secrets("contoso-keys");
    secrets.set(of.secret.secretName, secret);
    expect(await codes([of])).toEqual(["secret-soft-deleted"]);
    secrets.set(of.secret.secretName, { ...secret, deleted: false, managed: true });
    expect(await codes([of])).toEqual(["owned-by-certificate"]);
  });

  test("a vault's policy requires an expiry, and one of two gateways has none → that one is not ready", async () => {
    inject("keyVault", refusal(403), (request) => isPut(request) && !request.body.includes('"exp"'));
    const planned = await plan([
      gateway(lab.azure.contoso, { expireAfterDays: 90 }),
      runtime(lab.azure.contoso),
      gateway(lab.azure.contoso, { name: "other" }),
    ]);
    expect(planned.map(({ problems }) => problems.map(({ code }) => code))).toEqual([
      [],
      ["vault-takes-no-writes"],
      ["vault-takes-no-writes"],
    ]);
  });

  test("another deployment's secret → refused, unless the request sets takeOwnership", async () => {
    const of = gateway(lab.azure.contoso);
    const tags = { "managed-by": "gateway-key-rotation/other" };
    const version = { version: "0".repeat(32), value: "x", tags, created: 1, enabled: true };
    const secret = { name: of.secret.secretName, versions: [version], deleted: false, managed: false };
    lab.azure.simulator.secrets("contoso-keys").set(of.secret.secretName, secret);
    expect(await codes([of])).toEqual(["other-deployment"]);
    expect(await codes([of], { takeOwnership: true })).toEqual([]);
  });

  test("every obstacle at once → each is reported", async () => {
    inject("keyVault", refusal(403), () => true);
    inject("resourceManager", refusal(403), () => true);
    expect(await codes([gateway(lab.azure.contoso)])).toEqual([
      "vault-forbidden",
      "vault-takes-no-writes",
      "gateway-forbidden",
    ]);
  });
});
