import { describe, expect, test } from "vitest";
import {
  dimensionNames,
  eventDefinitions,
  eventNames,
  measurementNames,
} from "../../src/domain/eventDefinitions.ts";
import { toEventRecord, toLogLine } from "../../src/domain/eventRecord.ts";
import { samples } from "./eventSamples.ts";

describe("toEventRecord", () => {
  test.each(eventNames)(
    "%s with all that it can carry → exactly the names that its definition lists",
    (name) => {
      const record = toEventRecord(samples[name]);

      expect(record.name).toBe(name);
      expect(Object.keys(record.dimensions).sort()).toEqual(eventDefinitions[name].dimensions.toSorted());
      expect(Object.keys(record.measurements).sort()).toEqual(eventDefinitions[name].measurements.toSorted());
    },
  );

  test("a rotated key → every id by which Azure, the vault and the run can be asked about it", () => {
    expect(toEventRecord(samples.GatewayKeyRotated)).toEqual({
      name: "GatewayKeyRotated",
      level: "information",
      dimensions: {
        "rotation.gateway": "gatewaytest",
        "rotation.kind": "gateway",
        "rotation.resource-id": samples.GatewayKeyRotated.gateway.target.resourceId,
        "rotation.run-id": "timer-1",
        "rotation.trigger": "schedule",
        "rotation.reason": "scheduled",
        "rotation.requested-by": "timer",
        "rotation.rotation-id": "rotation-1",
        "rotation.key-name": "key",
        "rotation.vault-url": "https://contoso-keys.vault.azure.net",
        "rotation.secret-name": "adf-gatewaytest-key",
        "rotation.secret-version": "0123456789abcdef0123456789abcdef",
        "rotation.fingerprint": "9f86d081884c",
        "rotation.sequence": "7",
        "rotation.due-at": "2026-02-01T12:00:00.000Z",
        "rotation.client-request-id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "rotation.request-id": "request-1",
        "rotation.correlation-request-id": "correlation-1",
        "rotation.routing-request-id": "WESTEUROPE:20260101T000000Z:correlation-1",
        "rotation.status": "200",
        "rotation.effect": "applied",
      },
      measurements: {
        "rotation.duration-ms": 1234.5,
        "rotation.exposure-ms": 321,
        "rotation.remaining-subscription-writes": 199,
      },
    });
  });

  test("a failure before any request went out → the names without a value are left out, not empty", () => {
    const record = toEventRecord({
      ...samples.GatewayKeyRotationFailed,
      rotationId: undefined,
      slot: undefined,
      trace: undefined,
    });

    expect(record.level).toBe("error");
    expect(record.measurements).toEqual({});
    expect(Object.keys(record.dimensions)).not.toContain("rotation.status");
    expect(Object.values(record.dimensions)).not.toContain(undefined);
  });

  test("counts of zero → are sent, so that an alert can tell none from nothing", () => {
    expect(toEventRecord(samples.RotationRunCompleted).measurements).toMatchObject({ "rotation.skipped": 0 });
    expect(toEventRecord(samples.RotationHeartbeat).measurements).toMatchObject({ "rotation.overdue": 0 });
  });
});

describe("event definitions", () => {
  test("the list of events → names each of them once", () => {
    expect(eventNames.toSorted()).toEqual(Object.keys(eventDefinitions).sort());
  });

  test("each dimension and measurement → is carried by some event", () => {
    const definitions = Object.values(eventDefinitions);
    const carried = definitions.flatMap(({ dimensions, measurements }) => [...dimensions, ...measurements]);

    expect(new Set(carried)).toEqual(new Set([...dimensionNames, ...measurementNames]));
  });
});

describe("toLogLine", () => {
  test("a record → one line of JSON: event, level, dimensions in the table's order, then numbers", () => {
    const line = toLogLine(toEventRecord(samples.GatewayKeyRotated));

    const parsed: Record<string, unknown> = JSON.parse(line);
    const names = Object.keys(parsed);
    const order: readonly string[] = ["event", "level", ...dimensionNames, ...measurementNames];
    expect(names).toEqual(order.filter((name) => names.includes(name)));
    expect(parsed).toMatchObject({ event: "GatewayKeyRotated", "rotation.duration-ms": 1234.5 });
  });

  test("a reason with line breaks of every kind → still one line, and the reason unchanged when it is read", () => {
    const reason = "leaked\r\nin\u2028a\u2029chat\u0085, {\u007f}";
    const run = { ...samples.RotationRunCompleted.run, reason };

    const line = toLogLine(toEventRecord({ ...samples.RotationRunCompleted, run }));

    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).toMatchObject({ "rotation.reason": reason });
  });
});
