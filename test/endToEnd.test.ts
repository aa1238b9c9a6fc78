import { createRequire } from "node:module";
import path from "node:path";
import { describe, expect } from "vitest";
import { z } from "zod";
import { readSampleGateways } from "../local/sample.ts";
import type { Simulator } from "../local/simulator/types.ts";
import { preflightSecretName } from "../src/domain/secretStore.ts";
import { test } from "./support/machine.ts";
import { isRegenerate, isStore } from "./support/requests.ts";

const CustomEvent = z.object({
  data: z.object({
    baseData: z.object({
      name: z.string(),
      properties: z.record(z.string(), z.string()),
      measurements: z.record(z.string(), z.number()),
    }),
  }),
});

const eventsOf = ({ telemetry }: Simulator) => telemetry.map((item) => CustomEvent.parse(item).data.baseData);

// Each test starts its own machine, and one of them mostly waits.
describe.concurrent("the deployed folder, without node_modules", () => {
  test("one tick → a working key for every sample gateway, and events with Azure's request ids", async ({
    bundle,
    start,
  }) => {
    expect(() => createRequire(path.join(bundle, "main.js")).resolve("@azure/identity")).toThrow(
      "Cannot find module",
    );
    const { simulator, functionsHost } = await start();
    const { outcome } = await functionsHost.trigger("rotateOnSchedule");
    expect(outcome).toEqual({ kind: "succeeded" });

    const { gateways } = await readSampleGateways();
    const stored = ["vault-20443", "vault-20444"].flatMap((vault) =>
      [...simulator.secrets(vault).values()]
        .filter(({ name }) => name !== preflightSecretName)
        .map(({ name, versions }) => ({ vault, name, versions })),
    );
    expect(stored.map(({ vault, name }) => `${vault}/${name}`).sort()).toEqual([
      "vault-20443/adf-gatewaytest-key",
      "vault-20443/adf-sales-warehouse",
      "vault-20444/syn-research-lab",
    ]);
    for (const { resourceId } of gateways) {
      const keys = stored.filter(({ versions }) => simulator.accepts(resourceId, versions[0]?.value ?? ""));
      expect(keys).toHaveLength(1);
    }
    expect(simulator.requests.filter(isRegenerate)).toHaveLength(3);

    const events = eventsOf(simulator);
    expect(events.map(({ name }) => name).sort()).toEqual([
      "GatewayKeyRotated",
      "GatewayKeyRotated",
      "GatewayKeyRotated",
      "RotationRunCompleted",
    ]);
    const event = events.find(
      ({ properties }) => properties["rotation.secret-name"] === "adf-gatewaytest-key",
    );
    const tags = stored.find(({ name }) => name === "adf-gatewaytest-key")?.versions[0]?.tags;
    expect(event?.properties).toMatchObject({
      "rotation.client-request-id": tags?.["client-request-id"],
      "rotation.request-id": tags?.["request-id"],
      "rotation.correlation-request-id": tags?.["correlation-request-id"],
      "rotation.routing-request-id": expect.stringMatching(/^\w+:\d{8}T\d{6}Z:/),
      "rotation.trigger": "schedule",
    });
    expect(event?.measurements["rotation.remaining-subscription-writes"]).toBeGreaterThan(0);

    const lines = functionsHost.logs.map(({ message }) => message);
    const line = (event: string) =>
      lines.findIndex((message) => message.includes(`"${event}"`) && message.includes("gatewaytest"));
    expect(line("GatewayKeyRegenerating")).toBeGreaterThanOrEqual(0);
    expect(lines[line("GatewayKeyRegenerating")]).toContain(tags?.["client-request-id"]);
    expect(line("GatewayKeyRegenerating")).toBeLessThan(line("GatewayKeyRotated"));
  });

  test("Resource Manager refuses a token once → another attempt, with its own id and a new token", async ({
    start,
  }) => {
    const { simulator, functionsHost } = await start();
    simulator.inject({
      service: "resourceManager",
      matches: isRegenerate,
      fault: { kind: "answer", status: 401, effect: "none" },
    });
    const { outcome } = await functionsHost.trigger("rotateOnSchedule");
    expect(outcome).toEqual({ kind: "succeeded" });
    const sent = simulator.requests.filter(isRegenerate);
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map(({ headers }) => headers["x-ms-client-request-id"])).size).toBe(4);
    const [refused, ...others] = sent.filter(({ url }) => url === sent[0]?.url);
    expect(others).toHaveLength(1);
    expect(others[0]?.headers["authorization"]).not.toBe(refused?.headers["authorization"]);
  });

  test("local authentication of Application Insights is off → telemetry is sent with a token", async ({
    start,
  }) => {
    const { simulator, functionsHost } = await start({
      settings: { APPLICATIONINSIGHTS_AUTHENTICATION_STRING: "Authorization=AAD" },
    });
    await functionsHost.trigger("rotateOnSchedule");
    const track = simulator.requests.filter(({ service }) => service === "ingestion");
    expect(track.length).toBeGreaterThan(0);
    for (const { headers } of track) expect(headers["authorization"]).toMatch(/^Bearer \S+/);
  });

  test("separate identities for rotation and telemetry → each token is requested by its client id", async ({
    start,
  }) => {
    const [rotating, reporting] = [crypto.randomUUID(), crypto.randomUUID()];
    const { simulator, functionsHost } = await start({
      settings: {
        AZURE_CLIENT_ID: rotating,
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${reporting};Authorization=AAD`,
      },
    });
    expect((await functionsHost.trigger("rotateOnSchedule")).outcome.kind).toBe("succeeded");
    const asked = simulator.requests
      .filter(({ service }) => service === "identity")
      .map(({ url }) => new URL(url, "http://localhost").searchParams)
      .map((query) => `${query.get("resource")} ${query.get("client_id")}`);
    expect([...new Set(asked)].sort()).toEqual([
      `https://management.azure.com ${rotating}`,
      `https://monitor.azure.com ${reporting}`,
      `https://vault.azure.net ${rotating}`,
    ]);
  });

  test("the sample with a remote Resource Manager → refused, and no request is sent", async ({ start }) => {
    const { simulator, functionsHost } = await start({
      settings: { RESOURCE_MANAGER_URL: "https://management.azure.com" },
    });
    const { outcome } = await functionsHost.trigger("rotateOnSchedule");
    expect(outcome).toMatchObject({ kind: "failed", message: expect.stringContaining("sample") });
    expect(simulator.requests).toEqual([]);
  });
});

test.concurrent("ticks with nothing to do → the same heartbeat; after a run, none is overdue", async ({
  start,
}) => {
  const { simulator, functionsHost } = await start();
  const tick = async (name: string): Promise<void> => {
    expect((await functionsHost.trigger(name)).outcome.kind).toBe("succeeded");
  };
  await tick("resumeRotations");
  await tick("resumeRotations");
  await tick("rotateOnSchedule");
  await tick("resumeRotations");
  const heartbeats = eventsOf(simulator).filter(({ name }) => name === "RotationHeartbeat");
  expect(heartbeats.map(({ measurements }) => measurements)).toMatchObject(
    [3, 3, 0].map((overdue) => ({
      "rotation.gateways": 3,
      "rotation.overdue": overdue,
      "rotation.unfinished": 0,
    })),
  );
});

test.concurrent("mistakes in settings, defaults and entries → all in one message, and no request is sent", async ({
  start,
}) => {
  const { simulator, functionsHost } = await start({
    settings: {
      ROTATION_CONCURRENCY: "many",
      GATEWAYS: JSON.stringify({
        defaults: { vaultUrl: "http://contoso-keys.vault.azure.net" },
        gateways: [{ resourceId: "gatewaytest" }],
      }),
    },
  });
  const { outcome } = await functionsHost.trigger("rotateOnSchedule");
  if (outcome.kind !== "failed") throw new Error("A wrong configuration was accepted.");
  for (const words of ["3 problems", "ROTATION_CONCURRENCY", "defaults.vaultUrl", "gateways[0].resourceId"])
    expect(outcome.message).toContain(words);
  expect(simulator.requests).toEqual([]);
});

test.concurrent("a vault that hangs after a key was made → a failure is reported before the platform's time-out", async ({
  start,
}) => {
  const { simulator, functionsHost } = await start({
    // A call takes 20 ms: on a busy machine none may time out but those that hang.
    settings: { CALL_TIMEOUT_SECONDS: "3", AzureFunctionsJobHost__functionTimeout: "00:00:45" },
  });
  simulator.inject({
    service: "keyVault",
    matches: isStore,
    times: Number.POSITIVE_INFINITY,
    fault: { kind: "hang" },
  });
  const { outcome } = await functionsHost.trigger("rotateOnSchedule");
  expect(outcome).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("store-timed-out, key applied"),
  });
  const failed = eventsOf(simulator).filter(({ name }) => name === "GatewayKeyRotationFailed");
  expect(failed).toHaveLength(3);
});
