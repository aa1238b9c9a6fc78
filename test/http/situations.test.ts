import { expect, test } from "vitest";
import type { Fault, FaultRule, RecordedRequest } from "../../local/simulator/types.ts";
import { isRegenerate, refusal } from "../support/requests.ts";
import { send, services, useDeployedApp } from "./deployedApp.ts";

/**
 * What an operator reads in each situation: in the answer to the request, by a dry run and by the list of gateways, of
 * the deployed bundle in the local functions host. All situations happen at once, each to a gateway of its own.
 */

const factory =
  "/subscriptions/cb07c2d3-1b40-47b4-9a7f-1f0a34d64c34/resourceGroups/adf/providers/Microsoft.DataFactory";
const vault = "contoso-keys";

interface Situation {
  readonly kind: "gatewayV1" | "integrationRuntime";
  readonly happens?: (name: string) => void;
  readonly status: number;
  /** Of the gateway in the answer to the request. */
  readonly answer: object;
  readonly dryRun: {
    readonly ready: boolean;
    readonly problems: readonly string[];
    readonly keyWorks: unknown;
  };
  /** Of the gateway in the list of all gateways. */
  readonly listed: object;
}

const forever = Number.POSITIVE_INFINITY;
const refusalAs = (status: number, code: string, innerCode?: string): Fault =>
  refusal(status, {
    contentType: "application/json",
    body: JSON.stringify({ error: { code, message: "No.", innererror: { code: innerCode } } }),
  });
const inject = (
  service: FaultRule["service"],
  fault: Fault,
  matches: NonNullable<FaultRule["matches"]>,
): void => services.simulator.inject({ service, fault, matches, times: forever });
const regenerates = (name: string) => (request: RecordedRequest) =>
  isRegenerate(request) && request.url.includes(`/${name}/`);
const secretOf = (name: string) => services.simulator.secrets(vault).get(name);

const situations: Readonly<Record<string, Situation>> = {
  "v1-fine": {
    kind: "gatewayV1",
    status: 200,
    answer: { state: "rotated", keyWorks: true, nextAction: expect.stringContaining("dmgcmd -Key") },
    dryRun: { ready: true, problems: [], keyWorks: true },
    // The second rotation came before the verification of the first, and the list does not read the vault.
    listed: {
      state: "rotated",
      keyWorks: "unknown",
      nextAction: expect.stringMatching(/^No action is needed. After \S+, resumeRotations verifies the key/),
      lastFailure: null,
    },
  },
  "ir-fine": {
    kind: "integrationRuntime",
    status: 200,
    answer: { state: "rotated", keyWorks: true },
    dryRun: { ready: true, problems: [], keyWorks: true },
    listed: { state: "rotated", keyWorks: true, nextAction: null, lastFailure: null },
  },
  "v1-dead": {
    kind: "gatewayV1",
    happens: (name) =>
      inject(
        "keyVault",
        refusalAs(403, "Forbidden", "ForbiddenByPolicy"),
        ({ method, url }) => method === "PUT" && url.includes(`/secrets/${name}`),
      ),
    status: 207,
    answer: { state: "pending", keyWorks: false, code: "store-forbidden-by-policy", effect: "applied" },
    dryRun: { ready: false, problems: ["key-dead"], keyWorks: false },
    listed: { state: "failed", keyWorks: false, lastFailure: { effect: "applied" } },
  },
  "v1-in-doubt": {
    kind: "gatewayV1",
    happens: (name) => inject("resourceManager", refusalAs(503, "ServerBusy"), regenerates(name)),
    status: 207,
    answer: { state: "pending", keyWorks: "unknown", code: "regenerate-server-error", effect: "unknown" },
    dryRun: { ready: false, problems: ["key-in-doubt"], keyWorks: "unknown" },
    listed: { state: "failed", keyWorks: "unknown", lastFailure: { effect: "unknown" } },
  },
  "ir-in-doubt": {
    kind: "integrationRuntime",
    happens: (name) => inject("resourceManager", refusalAs(503, "ServerBusy"), regenerates(name)),
    status: 202,
    answer: { state: "pending", keyWorks: true, code: "regenerate-server-error", effect: "unknown" },
    dryRun: { ready: false, problems: ["being-rotated"], keyWorks: true },
    listed: { state: "failed", keyWorks: true, lastFailure: { effect: "unknown" } },
  },
  "ir-locked": {
    kind: "integrationRuntime",
    happens: (name) =>
      inject(
        "resourceManager",
        refusalAs(409, "ScopeLocked"),
        ({ method, url }) => method === "POST" && url.includes(`/${name}/`),
      ),
    status: 207,
    answer: {
      state: "failed",
      keyWorks: true,
      code: "regenerate-scope-locked",
      nextAction: expect.stringContaining("lock"),
    },
    dryRun: { ready: false, problems: ["list-keys-scope-locked"], keyWorks: true },
    listed: { state: "failed", keyWorks: true, lastFailure: { code: "regenerate-scope-locked" } },
  },
  "v1-not-permitted": {
    kind: "gatewayV1",
    happens: (name) => inject("resourceManager", refusalAs(403, "AuthorizationFailed"), regenerates(name)),
    // A new role assignment takes minutes: the run tries again for an hour.
    status: 202,
    answer: { state: "pending", keyWorks: true, code: "regenerate-forbidden", effect: "unchanged" },
    dryRun: { ready: true, problems: [], keyWorks: true },
    listed: { state: "failed", keyWorks: true, lastFailure: { code: "regenerate-forbidden" } },
  },
  "v1-soft-deleted": {
    kind: "gatewayV1",
    happens(name) {
      const secret = secretOf(name);
      if (secret !== undefined) secret.deleted = true;
    },
    status: 207,
    answer: { state: "failed", keyWorks: false, code: "secret-soft-deleted", effect: "unchanged" },
    dryRun: { ready: false, problems: ["secret-soft-deleted"], keyWorks: false },
    listed: { state: "failed", keyWorks: false, lastFailure: { code: "secret-soft-deleted" } },
  },
};

const names = Object.keys(situations);
const resourceIdOf = (name: string): string =>
  situations[name]?.kind === "gatewayV1"
    ? `${factory}/datafactories/test/gateways/${name}`
    : `${factory}/factories/adf-sales/integrationRuntimes/${name}`;

useDeployedApp({
  gateways: {
    defaults: { vaultUrl: `https://${vault}.vault.azure.net` },
    gateways: [...names, "ir-killed"].map((name) => ({
      name,
      resourceId: resourceIdOf(name),
      secretName: name,
      rotateEveryDays: 30,
    })),
  },
});

/** The answer's status and content. */
async function ask(route: string, body?: object) {
  const { status, text } = await send(route, body === undefined ? { method: "GET" } : { body });
  return { status, ...JSON.parse(text) };
}

const named = (gateways: readonly { readonly name: string }[], name: string) =>
  gateways.find((each) => each.name === name);

test("each situation → the answer, the dry run and the list of gateways tell the truth about the key", async () => {
  const all = { gateways: "*", confirm: "*", reason: "the first rotation" };
  expect(await ask("rotations", all)).toMatchObject({ status: 200, keysAtRisk: 0 });
  for (const [name, { happens }] of Object.entries(situations)) happens?.(name);

  const answers = await Promise.all(
    names.map((name) => ask("rotations", { gateways: [name], reason: "the second rotation" })),
  );
  const dryRun = await ask("rotations", { gateways: "*", reason: "a dry run", dryRun: true });
  const { gateways } = await ask("gateways");

  for (const [i, name] of names.entries()) {
    const { kind, status, answer, dryRun: planned, listed } = situations[name] ?? {};
    expect({ name, ...answers[i] }).toMatchObject({ name, status, gateways: [{ name, kind, ...answer }] });
    const { problems = [], ...plan } = planned ?? {};
    expect(named(dryRun.gateways, name)).toMatchObject({
      kind,
      impact: expect.stringMatching(kind === "gatewayV1" ? /stops/ : /not affected/),
      ...plan,
      problems: problems.map((code) => expect.objectContaining({ code, nextAction: expect.any(String) })),
    });
    expect(named(gateways, name)).toMatchObject({ kind, ...listed });
  }
  const { summary } = answers[names.indexOf("v1-dead")];
  expect(summary).toMatch(/^1 of 1 published keys does not work; /);
});

test("an operator regenerated the published key → the dry run reports it, and a rotation replaces it", async () => {
  const name = "ir-killed";
  const versions = secretOf(name)?.versions ?? [];
  const published = versions.at(-1);
  if (published === undefined) throw new Error("Nothing is published");
  versions[versions.length - 1] = {
    ...published,
    value: "IR@0e8f1c64-0000-0000-0000-000000000000@adf@wu@ZGVhZA==",
  };
  const asked = { gateways: [name], reason: "killed by hand" };
  expect(await ask("rotations", { ...asked, dryRun: true })).toMatchObject({
    status: 207,
    gateways: [{ ready: false, keyWorks: false, problems: [{ code: "published-key-dead" }] }],
  });
  expect(await ask("rotations", asked)).toMatchObject({ status: 200, gateways: [{ keyWorks: true }] });
  expect(Object.values(services.simulator.keys(resourceIdOf(name)))).toContain(
    secretOf(name)?.versions.at(-1)?.value,
  );
});
