import { expect, test } from "vitest";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import { loadConfiguration } from "../../src/config/configuration.ts";
import type { TargetDescription } from "../../src/domain/inspection.ts";
import { createRoutes } from "../../src/http/routes.ts";
import { callTimeoutMs, functionTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { createModelServices } from "../simulation/models/modelServices.ts";
import type { WorldHolder } from "../simulation/models/performCall.ts";
import { createWorld } from "../simulation/models/world.ts";

const second = 1000;
const resourceId =
  "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest";

test("Resource Manager stays down → no regenerate begins after 200 s, and the answer is sent by then", async () => {
  const configuration = await loadConfiguration({
    directory: import.meta.dirname,
    env: {
      AzureWebJobsStorage: "UseDevelopmentStorage=true",
      ROTATION_SCHEDULE: "0 0 3 * * *",
      DEPLOYMENT_NAME: "prod",
      KEY_VAULT_URL: "https://contoso.vault.azure.net",
      GATEWAYS: JSON.stringify({ gateways: [{ resourceId }] }),
    },
  });
  if (configuration.kind !== "valid") throw new Error(JSON.stringify(configuration.problems));
  const { gateways } = configuration;
  const clock = createVirtualClock(Date.now());
  const world = createWorld({
    now: clock.now(),
    targets: gateways.map(({ target }) => target),
    vaultUrls: gateways.map(({ secret }) => secret.vaultUrl),
  });
  const holder: WorldHolder = { world };
  const sentAt: number[] = [];
  const startedAt = clock.now();
  const models = createModelServices(
    holder,
    async ({ operation }) => {
      holder.world = { ...holder.world, now: clock.now() };
      if (operation !== "regenerate") return { kind: "normal" };
      sentAt.push(clock.now() - startedAt);
      return { kind: "lostBefore" };
    },
    { runner: "http" },
  );
  const unread: TargetDescription = { kind: "ready" };
  const deadline = startedAt + functionTimeoutMs - 4 * callTimeoutMs;
  const routes = createRoutes({
    load: async () => configuration,
    invoke: (_invocation, _settings, _startedAt, work) =>
      work({
        services: {
          ...models,
          inspector: {
            describe: async () => unread,
            permissions: async () => ({ kind: "read", permissions: [] }),
            host: () => Promise.reject(new Error("Only resumeRotations reads a host")),
          },
          clock,
          events: { emit() {} },
          newGuid: () => crypto.randomUUID(),
          random: () => 0.5,
        },
        storage: { blobs: models.blobs, clock, lastStart: deadline, callTimeoutMs },
        terms: { deploymentName: "prod", functionTimeoutMs, deadline, callTimeoutMs, concurrency: 1 },
      }),
  });
  async function* body() {
    yield new TextEncoder().encode(JSON.stringify({ gateways: ["gatewaytest"], reason: "leaked" }));
  }
  const answer = await clock.run(
    routes.requestRotation(
      {
        url: "https://localhost/api/rotations",
        headers: new Headers({ "content-type": "application/json" }),
        body: body(),
        params: {},
      },
      { invocationId: "1", log() {}, warn() {}, error() {} },
    ),
  );
  expect(JSON.parse(answer.body)).toMatchObject({ gateways: [{ name: "gatewaytest", effect: "unknown" }] });
  expect(Math.max(...sentAt)).toBeLessThanOrEqual(200 * second);
  expect(Math.max(...sentAt)).toBeGreaterThan(150 * second);
  // The front end cuts an answer off at 230 s.
  expect(clock.now() - startedAt).toBeLessThanOrEqual(205 * second);
});
