import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "vitest";
import { z } from "zod";
import { writeAuditPage } from "../../local/audit.ts";
import type { Machine } from "../../local/machine.ts";
import { rotateOnce } from "../../local/runReport.ts";
import { test } from "../support/machine.ts";

/** A telemetry item of an invocation, which all items of that invocation share. */
const OfOperation = z.object({ tags: z.object({ "ai.operation.id": z.string().length(32) }) });

async function rotate(on: Machine): Promise<{ readonly exitCode: number; readonly report: string }> {
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const exitCode = await rotateOnce(on, { print, interruption: new AbortController().signal });
  return { exitCode, report: printed.join("\n") };
}

test("one gateway is forbidden, then allowed → exit code 1 with the next action, then 0", async ({
  start,
}) => {
  const machine = await start({ past: true });
  const { simulator } = machine;
  simulator.inject({
    service: "resourceManager",
    matches: ({ url }) => url.includes("/lab/"),
    times: Number.POSITIVE_INFINITY,
    fault: { kind: "answer", status: 403, effect: "none" },
  });
  const { exitCode, report } = await rotate(machine);

  expect(exitCode).toBe(1);
  const [version] = simulator.secrets("vault-20443").get("adf-gatewaytest-key")?.versions ?? [];
  const cells = ["gatewaytest", "gatewayV1", "key", version?.version, version?.tags["fingerprint"], "\\d+"];
  expect(report).toMatch(new RegExp(`^${cells.join(" +")}$`, "m"));
  expect(report).toContain(
    `request ${version?.tags["request-id"]}  correlation ${version?.tags["correlation-request-id"]}`,
  );
  expect(report).toMatch(/^lab +synapseIntegrationRuntime +\S+ +unchanged\n +\S.*\n +next: \S/m);
  expect(report).not.toMatch(/^\d+ gateways? w/m);
  const operations = simulator.telemetry.map((item) => OfOperation.parse(item).tags["ai.operation.id"]);
  expect(operations.length).toBeGreaterThan(1);
  expect(new Set(operations).size).toBe(1);
  // The run is not completed: the missing role may have been assigned a moment ago.
  expect(report).toMatch(/Application Insights: .*\b2 GatewayKeyRotated\b/);
  expect(report).not.toContain("RotationRunCompleted");
  expect(report).toMatch(/^rotateOnSchedule failed after \d+ ms: 1 of 3 gateways failed/m);
  const table = report.split("Sent to").slice(0, 1).join().split("\n");
  const widths = table.filter((line) => !line.startsWith(" ")).map((line) => line.length);
  expect(Math.max(...widths)).toBeLessThanOrEqual(120);

  simulator.clearFaults();
  const again = await rotate(machine);
  expect(again.exitCode).toBe(0);
  expect(again.report).toMatch(/^lab +synapseIntegrationRuntime +authKey\d /m);
  // The gateway with rotateEveryDays.
  expect(again.report).not.toContain("warehouse");
  expect(again.report).toMatch(/^1 gateway was not due\.$/m);
  expect(again.report).toMatch(/^rotateOnSchedule succeeded in \d+ ms\.$/m);
});

test("no ROTATION_SCHEDULE → rotateOnSchedule alone is in error; HTTP answers 503 and names it", async ({
  start,
}) => {
  const { functionsHost } = await start({ settings: { ROTATION_SCHEDULE: undefined } });
  const { port, functionKey, output } = functionsHost;
  const answer = await fetch(`http://127.0.0.1:${port}/api/gateways`, {
    headers: { "x-functions-key": functionKey },
  });
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("ROTATION_SCHEDULE")]);
  expect(output()).toMatch(/"rotateOnSchedule" is in error: .*ROTATION_SCHEDULE is not set/);
  expect(output()).not.toMatch(/"resumeRotations" is in error/);
});

test("the audit of its vaults → a page with what was just rotated, beside months of history", async ({
  bundle,
  start,
}) => {
  const machine = await start({ past: true });
  await rotate(machine);
  const page = path.join(bundle, "..", "audit.html");
  await writeAuditPage(machine, page);
  const html = await readFile(page, "utf8");
  const [version] = machine.simulator.secrets("vault-20443").get("adf-gatewaytest-key")?.versions ?? [];
  expect(html).toMatch(/^<!doctype html>/i);
  expect(html).toContain(version?.version);
  expect(html).toContain("syn-research-lab");
  expect(html).toContain(">legacy-onprem</a>");
  expect(html).toMatch(/<p class="lead">2 problems and 1 warning in 3 of \d+ gateways/);
  expect(html).not.toContain(version?.value);
});
