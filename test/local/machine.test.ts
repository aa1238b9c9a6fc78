import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Machine, startMachine } from "../../local/machine.ts";
import { describeRuns } from "../../local/runReport.ts";
import { build } from "../../scripts/build.ts";

let folder: string;
let machine: Machine | undefined;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "machine-test-"));
  await build({ outDir: folder });
});

afterAll(async () => {
  await machine?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("the sample, one gateway of it forbidden → the report shows keys that work, the failure, and the events", async () => {
  machine = await startMachine({ folder });
  const { simulator, functionsHost } = machine;
  simulator.inject({
    service: "resourceManager",
    matches: ({ url }) => url.includes("/lab/"),
    times: Number.POSITIVE_INFINITY,
    fault: { kind: "answer", status: 403, effect: "none" },
  });
  const { outcome } = await functionsHost.trigger("rotateOnSchedule");

  expect(outcome).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("1 of 3 gateways failed"),
  });
  const report = describeRuns(simulator, simulator.telemetry);
  const [version] = simulator.secrets("vault-20443").get("adf-gatewaytest-key")?.versions ?? [];
  expect(report).toMatch(
    new RegExp(
      `^gatewaytest +gateway +key +${version?.version} +${version?.tags["fingerprint"]} +\\d+$`,
      "m",
    ),
  );
  expect(report).toContain(
    `request ${version?.tags["request-id"]}  correlation ${version?.tags["correlation-request-id"]}`,
  );
  expect(report).toMatch(/^lab +integrationRuntime +\S+ +unchanged$/m);
  expect(report).toMatch(/^ +next: \S+/m);
  expect(report).toMatch(/Application Insights: .*2 GatewayKeyRotated.*1 RotationRunCompleted/);
  expect(
    Math.max(
      ...report
        .split("\n")
        .filter((line) => !line.startsWith(" "))
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(120);
});

test("a machine that is stopped → leaves no process and no file, and can be stopped twice", async () => {
  const stopped = machine;
  if (stopped === undefined) throw new Error("There is no machine to stop.");
  const authorityFile = stopped.settings["NODE_EXTRA_CA_CERTS"] ?? "";
  expect(existsSync(authorityFile)).toBe(true);
  await stopped.stop();
  await stopped.stop();
  expect(existsSync(path.dirname(authorityFile))).toBe(false);
  expect(() => process.kill(stopped.functionsHost.pid, 0)).toThrow("ESRCH");
  const blobs = /BlobEndpoint=([^;]+)/.exec(stopped.settings["AzureWebJobsStorage"] ?? "")?.[1] ?? "";
  for (const url of [blobs, stopped.simulator.resourceManagerUrl]) {
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  }
});

test("a folder that holds no function app → the start fails and says so, and nothing is left of it", async () => {
  const temporary = await mkdtemp(path.join(tmpdir(), "machine-test-"));
  vi.stubEnv("TMPDIR", temporary);
  const absent = path.join(folder, "absent");
  await expect(startMachine({ folder: absent })).rejects.toThrow(`${absent} is no function app`);
  vi.unstubAllEnvs();
  expect(await readdir(temporary)).toEqual([]);
  await rm(temporary, { recursive: true });
});
