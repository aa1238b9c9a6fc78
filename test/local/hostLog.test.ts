import { expect, test } from "vitest";
import { describeLog } from "../../local/runReport.ts";
import { toEventRecord, toLogLine } from "../../src/domain/rotationEvents.ts";
import { samples } from "../domain/eventSamples.ts";

const functionName = "rotateOnSchedule";
const described = (message: string) => describeLog({ level: "information", functionName, message });
const shortened = (event: keyof typeof samples) => described(toLogLine(toEventRecord(samples[event])));

test("an event → its name, gateway and code", () => {
  expect([
    shortened("GatewayKeyRotationDecided"),
    shortened("GatewayKeyRotated"),
    shortened("GatewayKeyRotationFailed"),
    shortened("RotationRunCompleted"),
  ]).toEqual([
    "information rotateOnSchedule  GatewayKeyRotationDecided  gatewaytest  due",
    "information rotateOnSchedule  GatewayKeyRotated  gatewaytest",
    "information rotateOnSchedule  GatewayKeyRotationFailed  gatewaytest  not-found",
    "information rotateOnSchedule  RotationRunCompleted",
  ]);
});

test("any other line, JSON or not → unchanged", () => {
  expect(described("no luck today")).toBe("information rotateOnSchedule  no luck today");
  expect(described('{"a":1}')).toBe('information rotateOnSchedule  {"a":1}');
  expect(describeLog({ level: "warning", message: "slow storage" })).toBe("warning     host  slow storage");
});
