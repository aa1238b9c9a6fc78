import { expect } from "vitest";
import { readSampleGateways } from "../local/sample.ts";
import type { Fault, RecordedRequest } from "../local/simulator/types.ts";
import { canary } from "./support/azure.ts";
import { allBlobs } from "./support/azuriteAccounts.ts";
import { test } from "./support/machine.ts";
import { applied, isRegenerate, isStore, refusal } from "./support/requests.ts";

/** Failures during which a key could leak. */
const faults = {
  resourceManager: {
    "400": refusal(400),
    "401": refusal(401),
    "403": refusal(403),
    "404": refusal(404),
    "412": refusal(412),
    "429": refusal(429, { headers: { "retry-after": "1" } }),
    "500 with a key in it": applied(500, { body: `{"error":{"code":"x","message":"${canary}"}}` }),
    "503": applied(503),
    "no answer": { kind: "hang" },
    "a dropped connection": { kind: "drop", effect: "applied" },
    "an empty body": applied(200, { body: "" }),
    "HTML with a key in it": applied(200, { body: `<p>${canary}</p>`, contentType: "text/html" }),
    "broken JSON with a key in it": applied(200, { body: `{"key":"${canary}` }),
    "a body cut off within the key": { kind: "cutOff", bytes: 60 },
  },
  keyVault: {
    "403": refusal(403),
    "400 that repeats the key": refusal(400, {
      body: `{"error":{"code":"BadParameter","message":"${canary}"}}`,
    }),
    "500 with an empty body": applied(500, { body: "" }),
    "no answer": { kind: "hang" },
    "a dropped connection": { kind: "drop", effect: "applied" },
    "broken JSON with the key in it": applied(200, { body: `{"value":"${canary}` }),
  },
} satisfies Record<"resourceManager" | "keyVault", Readonly<Record<string, Fault>>>;

/** Every fault has a subscription with a gateway of each format of keys, so that all of them pass at the same time. */
const situations = (["resourceManager", "keyVault"] as const).flatMap((service) =>
  Object.entries(faults[service]).map(([name, fault], index) => {
    const prefix = `${service.toLowerCase()}-${index}`;
    const subscription = crypto.randomUUID();
    const adf = `/subscriptions/${subscription}/resourceGroups/adf/providers/Microsoft.DataFactory`;
    return {
      name: `${service}: ${name}`,
      fault,
      service,
      matches: (request: RecordedRequest) =>
        service === "keyVault"
          ? isStore(request) && request.url.includes(`/secrets/${prefix}-`)
          : isRegenerate(request) && request.url.includes(subscription),
      gateways: [
        `${adf}/datafactories/old/gateways/gateway`,
        `${adf}/factories/new/integrationRuntimes/runtime`,
      ].map((resourceId) => {
        const name = `${prefix}-${resourceId.split("/").at(-1)}`;
        return { resourceId, name, secretName: name };
      }),
    };
  }),
);

test("successes and every failure, with verbose SDK logs → a key is in the vault only", async ({ start }) => {
  const { gateways: healthy } = await readSampleGateways();
  const vaultUrl = "https://contoso.vault.azure.net";
  const { simulator, functionsHost, settings } = await start({
    gateways: {
      gateways: [...healthy, ...situations.flatMap(({ gateways }) => gateways)].map((gateway) => ({
        ...gateway,
        vaultUrl,
      })),
    },
    settings: {
      AZURE_LOG_LEVEL: "verbose",
      // All gateways at once with verbose logs: no call may time out but those that hang.
      CALL_TIMEOUT_SECONDS: "4",
      AzureFunctionsJobHost__functionTimeout: "00:01:00",
    },
    simulator: { canary },
  });
  for (const { service, matches, fault } of situations)
    simulator.inject({ service, matches, fault, times: Number.POSITIVE_INFINITY });
  const { outcome } = await functionsHost.trigger("rotateOnSchedule");

  const telemetry = JSON.stringify(simulator.telemetry);
  const errors = JSON.stringify(outcome);
  for (const { name, matches, gateways } of situations)
    expect(simulator.requests.filter(matches).length, name).toBeGreaterThanOrEqual(gateways.length);
  // Of one format at least: a store whose answer is lost may succeed, and resume continues what is pending.
  const failed = /"(\d+) of \d+ gateways failed/.exec(errors)?.[1];
  expect(Number(failed)).toBeGreaterThanOrEqual(Object.keys(faults.resourceManager).length);
  const stored = [...simulator.secrets("contoso").values()];
  const inVaults = stored.flatMap(({ versions }) => versions);
  expect(inVaults.filter(({ value }) => value.includes(canary)).length).toBeGreaterThanOrEqual(3);

  const elsewhere: Readonly<Record<string, string>> = {
    output: functionsHost.output(),
    logs: JSON.stringify(functionsHost.logs),
    errors,
    telemetry,
    tags: JSON.stringify(inVaults.map(({ tags, contentType }) => [tags, contentType])),
    requests: JSON.stringify(
      simulator.requests.map((request) => (isStore(request) ? { ...request, body: "" } : request)),
    ),
    blobs: await allBlobs(settings["AzureWebJobsStorage"] ?? ""),
  };
  expect(elsewhere["output"]).toContain("azure:core-rest-pipeline");
  expect(elsewhere["telemetry"]).toContain("GatewayKeyRotationFailed");
  for (const [place, text] of Object.entries(elsewhere)) {
    expect(text.length, place).toBeGreaterThan(0);
    expect(text.includes(canary), `${place} holds a key`).toBe(false);
  }
});
