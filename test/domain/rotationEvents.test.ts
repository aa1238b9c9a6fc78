import { describe, expect, test } from "vitest";
import { rotationEvents, toEventRecord, toLogLine } from "../../src/domain/rotationEvents.ts";
import { samples } from "./eventSamples.ts";

describe("toEventRecord", () => {
  test.each(Object.values(samples))(
    "$name with a value for each field → exactly the fields of its entry",
    (event) => {
      const record = toEventRecord(event);

      expect(record.name).toBe(event.name);
      const { dimensions, measurements } = record;
      const fields = Object.entries(rotationEvents[event.name].fields);
      const namesOf = (...types: readonly string[]) =>
        fields.filter(([, { type }]) => types.includes(type)).map(([name]) => name);
      expect(Object.keys(dimensions)).toEqual(namesOf("text", "time"));
      expect(Object.keys(measurements)).toEqual(namesOf("count", "milliseconds"));
    },
  );

  test("a rotated key → every id under which Azure, the vault and the run know it", () => {
    expect(toEventRecord(samples.GatewayKeyRotated)).toEqual({
      name: "GatewayKeyRotated",
      level: "information",
      dimensions: {
        "rotation.gateway": "gatewaytest",
        "rotation.kind": "gatewayV1",
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
        "rotation.commit": "written",
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

  test("a failure before any request was sent → fields without a value are absent, not empty", () => {
    const { rotationId: _, slot: __, trace: ___, ...early } = samples.GatewayKeyRotationFailed;
    const record = toEventRecord(early);

    expect(record.level).toBe("error");
    expect(record.measurements).toEqual({});
    expect(Object.keys(record.dimensions)).not.toContain("rotation.status");
    expect(Object.values(record.dimensions)).not.toContain(undefined);
  });

  test("counts of zero → are in the record, so that an alert can distinguish none from unknown", () => {
    expect(toEventRecord(samples.RotationRunCompleted).measurements).toMatchObject({ "rotation.skipped": 0 });
    expect(toEventRecord(samples.RotationHeartbeat).measurements).toMatchObject({ "rotation.overdue": 0 });
  });
});

describe("toLogLine", () => {
  test("a record → one line of JSON: event, level, dimensions, then numbers", () => {
    const record = toEventRecord(samples.GatewayKeyRotated);
    const line = toLogLine(record);

    const { name: event, level, dimensions, measurements } = record;
    expect(Object.entries(JSON.parse(line))).toEqual(
      Object.entries({ event, level, ...dimensions, ...measurements }),
    );
    expect(JSON.parse(line)).toMatchObject({ event: "GatewayKeyRotated", "rotation.duration-ms": 1234.5 });
  });

  test("a reason with line breaks of every kind → one line, and the reason reads back unchanged", () => {
    const reason = "leaked\r\nin\u2028a\u2029chat\u0085, {\u007f}";
    const run = { ...samples.RotationRunCompleted.run, reason };

    const line = toLogLine(toEventRecord({ ...samples.RotationRunCompleted, run }));

    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).toMatchObject({ "rotation.reason": reason });
  });
});
