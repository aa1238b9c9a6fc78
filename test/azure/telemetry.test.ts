import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import type { Credential } from "../../src/azure/credential.ts";
import { createTelemetry, type Telemetry, type TelemetryOptions } from "../../src/azure/telemetry.ts";
import { type RotationEvent, toEventRecord, toLogLine } from "../../src/domain/rotationEvents.ts";
import { samples } from "../domain/eventSamples.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { refusal, withoutEffect } from "../support/requests.ts";
import { hang, type IngestionServer, startIngestionServer } from "./ingestionServer.ts";

const trustedBefore = getCACertificates("default");
let server: IngestionServer;
let lines: { log: string[]; error: string[]; warn: string[] };

beforeAll(async () => {
  server = await startIngestionServer();
  setDefaultCACertificates([...trustedBefore, server.certificatePem]);
});
afterAll(async () => {
  setDefaultCACertificates(trustedBefore);
  await server.stop();
});
beforeEach(() => {
  lines = { log: [], error: [], warn: [] };
});
afterEach(() => server.reset());
holdTime();

const flushTimeLimitMs = 10_000;

function telemetryWith(options: Partial<TelemetryOptions> = {}): Telemetry {
  return createTelemetry({
    deploymentName: "keys-test",
    connectionString: server.connectionString,
    flushTimeLimitMs,
    logger: {
      log: (line) => lines.log.push(line),
      error: (line) => lines.error.push(line),
      warn: (line) => lines.warn.push(line),
    },
    ...options,
  });
}

/** Emits one event, and flushes. */
async function deliver(
  options?: Partial<TelemetryOptions>,
  event: RotationEvent = samples.GatewayKeyRotated,
) {
  const telemetry = telemetryWith(options);
  telemetry.emit(event);
  await telemetry.flush();
}

describe("an event", () => {
  test("a rotated key → a row of customEvents: dimensions as text, numbers as measurements", async () => {
    const before = Date.now();
    await deliver();

    const { dimensions, measurements } = toEventRecord(samples.GatewayKeyRotated);
    expect(server.items()).toHaveLength(1);
    expect(server.items()[0]).toMatchObject({
      name: "Microsoft.ApplicationInsights.Event",
      tags: { "ai.cloud.role": "keys-test" },
      data: { baseType: "EventData" },
    });
    expect(server.items()[0]?.data.baseData).toMatchObject({ name: "GatewayKeyRotated", measurements });
    expect(server.items()[0]?.data.baseData.properties).toEqual(dimensions);
    const age = Date.now() - Date.parse(server.items()[0]?.time ?? "");
    // The exporter's arithmetic may lose a millisecond.
    expect(age).toBeLessThanOrEqual(Date.now() - before + 1);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(server.connectionString).toContain(`InstrumentationKey=${server.items()[0]?.iKey};`);
    expect(server.requests()[0]?.url).toBe("/v2.1/track");
    expect(lines.warn).toEqual([]);
  });

  test("an invocation's trace → the row joins its operation; without one or a wrong one, no operation", async () => {
    const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    for (const traceParent of [`00-${traceId}-${spanId}-01`, undefined, "00-0-0-0"]) {
      await deliver({ traceParent });
    }
    const operations = server
      .items()
      .map(({ tags }) => [tags["ai.operation.id"], tags["ai.operation.parentId"]]);
    expect(operations).toEqual([
      [traceId, spanId],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  test("each event → its line at once, errors through error; a row unless it is log-only", async () => {
    const telemetry = telemetryWith();

    for (const event of Object.values(samples)) telemetry.emit(event);

    const failed = toLogLine(toEventRecord(samples.GatewayKeyRotationFailed));
    expect(lines.error).toEqual([failed]);
    expect(lines.log).toHaveLength(Object.keys(samples).length - 1);
    await telemetry.flush();
    expect(server.items().map(({ data }) => data.baseData.name)).toEqual(
      Object.keys(samples).filter(
        (name) => !["GatewayKeyRotationDecided", "GatewayKeyRegenerating"].includes(name),
      ),
    );
  });

  test("a failed rotation → its row has effect, code and next action", async () => {
    await deliver(undefined, samples.GatewayKeyRotationFailed);

    expect(server.items()[0]?.data.baseData.properties).toMatchObject({
      "rotation.effect": "unchanged",
      "rotation.code": "not-found",
      "rotation.status": "404",
      "rotation.next-action": samples.GatewayKeyRotationFailed.nextAction,
    });
  });

  test("10,000 events at once → all arrive, in order, a few hundred in a request", async () => {
    const telemetry = telemetryWith();

    for (let sequence = 0; sequence < 10_000; sequence += 1) {
      telemetry.emit({ ...samples.GatewayKeyRotated, sequence });
    }
    await telemetry.flush();

    const arrived = server.items().map(({ data }) => Number(data.baseData.properties["rotation.sequence"]));
    expect(arrived).toEqual(Array.from({ length: 10_000 }, (_, sequence) => sequence));
    expect(Math.max(...server.requests().map(({ count }) => count))).toBe(250);
    expect(server.requests().length).toBeLessThan(60);
    expect(lines.warn).toEqual([]);
  });

  test("a log that throws → emit and flush do not, and the row arrives", async () => {
    const throwing = () => {
      throw new Error("the invocation is over");
    };
    const logger = { log: throwing, error: throwing, warn: throwing };

    await deliver({ logger });
    expect(server.items()).toHaveLength(1);

    server.answerWith(refusal(400));
    await deliver({ logger }, samples.GatewayKeyRotationFailed);
    expect(server.requests()).toHaveLength(2);
  });
});

describe("authentication", () => {
  const refused = vi.fn(() => true);
  const credential: Credential = {
    refused,
    getToken: async (scopes) => ({
      token: `token for ${scopes}`,
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
  };

  const audience = ";AADAudience=https://monitor.azure.us/.default";
  test.each([
    ["no credential", {}, "", undefined],
    ["a credential", { credential }, "", "Bearer token for https://monitor.azure.com/.default"],
    [
      "a credential, an audience",
      { credential },
      audience,
      "Bearer token for https://monitor.azure.us/.default",
    ],
  ])("%s → the header authorization is $3", async (_, options, more, authorization) => {
    await deliver({ ...options, connectionString: server.connectionString + more });

    expect(server.requests()).toMatchObject([{ authorization }]);
  });

  test.each([
    [401, [["token for https://monitor.azure.com/.default"]]],
    [400, []],
  ])("the endpoint answers %i → the credential drops a token that was refused", async (status, dropped) => {
    refused.mockClear();
    server.answerWith(refusal(status));
    await deliver({ credential });
    expect(refused.mock.calls).toEqual(dropped);
  });

  test("a credential that fails → one warning with the reason, nothing is sent without a token", async () => {
    const getToken = () => Promise.reject(new Error("no identity here"));
    await deliver({ credential: { refused, getToken } });

    expect(server.requests()).toEqual([]);
    expect(lines.warn).toEqual([
      "1 event did not reach Application Insights (no identity here); the log has all of them.",
    ]);
  });

  test("a credential that never answers → flush returns at its time limit and warns", async () => {
    const getToken = async () => {
      await passTime(flushTimeLimitMs);
      return new Promise<never>(() => {});
    };
    const telemetry = telemetryWith({ credential: { refused, getToken } });

    for (let i = 0; i < 1_001; i += 1) telemetry.emit(samples.GatewayKeyRotated);
    await telemetry.flush();
    expect(lines.warn).toEqual([
      expect.stringMatching(/^1001 events did not reach .*not delivered within 10000 ms/),
    ]);
  });
});

describe("an outage", () => {
  test.each([
    { outage: "answers 500", answer: refusal(500) },
    { outage: "answers 503", answer: refusal(503) },
    { outage: "never answers", answer: hang },
  ])(
    "the endpoint $outage → flush ends at its time limit and warns with the count; the next invocation's arrive",
    async ({ answer }) => {
      const telemetry = telemetryWith();
      server.answerWith(answer);

      for (let i = 0; i < 10; i += 1) telemetry.emit(samples.GatewayKeyRotated);
      const arrived = server.nextRequest();
      const flushed = telemetry.flush();
      await arrived;
      await passTime(flushTimeLimitMs);
      await flushed;

      expect(lines.warn).toEqual([
        expect.stringMatching(/^10 events did not reach Application Insights \(.+\)/),
      ]);
      expect(lines.log).toHaveLength(10);
      server.accept();
      await deliver(undefined, samples.RotationRunCompleted);
      expect(server.items().at(-1)?.data.baseData.name).toBe("RotationRunCompleted");
      expect(lines.warn).toHaveLength(1);
    },
  );

  test("nothing listens at the endpoint → flush returns at its time limit and warns once", async () => {
    const gone = await startIngestionServer();
    await gone.stop();
    const telemetry = telemetryWith({ connectionString: gone.connectionString });

    telemetry.emit(samples.GatewayKeyRotated);
    const refused = refusedConnection();
    const flushed = telemetry.flush();
    await refused;
    await passTime(flushTimeLimitMs);
    await flushed;

    expect(lines.warn).toEqual([expect.stringMatching(/^1 event did not reach/)]);
  });

  test("one answer of 500 → the request is repeated and nothing is lost", async () => {
    // The exporter pauses for about a second; the limit on real time is far above that.
    vi.useRealTimers();
    server.answerWith(refusal(500), 1);
    await deliver({ flushTimeLimitMs: 60_000 });

    expect(server.items()).toHaveLength(1);
    expect(lines.warn).toEqual([]);
  });

  test("the endpoint refuses for good → a warning with the reason, and no time passes", async () => {
    server.answerWith(refusal(402));
    await deliver();

    expect(lines.warn).toEqual([expect.stringContaining("(the ingestion endpoint answered 402)")]);
  });

  test("the endpoint accepts a part of a batch → the warning counts the rest", async () => {
    const telemetry = telemetryWith();
    const errors = [4, 5].map((index) => ({ index, statusCode: 400, message: "refused" }));
    const body = JSON.stringify({ itemsReceived: 6, itemsAccepted: 4, errors });
    server.answerWith(withoutEffect(206, { body, contentType: "application/json" }));

    for (let i = 0; i < 6; i += 1) telemetry.emit(samples.GatewayKeyRotated);
    await telemetry.flush();

    expect(server.requests().map(({ count }) => count)).toEqual([6]);
    expect(lines.warn).toEqual([expect.stringMatching(/^2 events did not reach .*answered 206/)]);
  });

  test("a connection string without an instrumentation key → a warning, no exception", async () => {
    await deliver({ connectionString: "InstrumentationKey=nonsense" });

    expect(lines.warn).toEqual([expect.stringMatching(/^1 event did not reach .*instrumentation key/)]);
  });
});

const Refused = z.object({ error: z.object({ code: z.literal("ECONNREFUSED") }) });

/** Resolves when the next HTTP client of this process finds that nothing listens. */
function refusedConnection(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const read = (message: unknown) => {
    if (!Refused.safeParse(message).success) return;
    unsubscribe("http.client.request.error", read);
    resolve();
  };
  subscribe("http.client.request.error", read);
  return promise;
}
