import { expect, test } from "vitest";
import { describeLog } from "../../local/runReport.ts";
import { untilEnd } from "../../local/serve.ts";
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

/** The exit code of the session, and what it printed. */
async function endOf(interruption: AbortSignal, host: Parameters<typeof untilEnd>[0]) {
  const printed: string[] = [];
  const code = await untilEnd(host, { print: (text) => void printed.push(text), interruption });
  return { code, printed };
}

test("the host ends by itself → exit code 1; prints how it ended and its last lines", async () => {
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
  const exited = Promise.resolve({ code: null, signal: "SIGKILL" as const });
  const output = () => `${lines.join("\n")}\n`;
  const { code, printed } = await endOf(new AbortController().signal, { exited, output });
  expect([code, printed]).toEqual([
    1,
    [`The functions host ended (SIGKILL). Its last output:\n${lines.slice(-12).join("\n")}`],
  ]);
});

test("the host ends by the Ctrl-C of the session → exit code 0, no output", async () => {
  const host = { exited: Promise.resolve({ code: 0, signal: null }), output: () => "bye" };
  expect(await endOf(AbortSignal.abort(), host)).toEqual({ code: 0, printed: [] });
});
