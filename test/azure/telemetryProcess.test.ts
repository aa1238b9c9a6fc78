import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { endOf } from "../../local/childProcess.ts";
import { listen } from "../../local/listen.ts";
import { patienceMs } from "../support/patience.ts";
import { refusal } from "../support/requests.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { hang, type IngestionServer, startIngestionServer } from "./ingestionServer.ts";
import type { ChildReport, ChildTask } from "./telemetryChild.ts";

let server: IngestionServer;
const directory = temporaryFolder();
let certificates: string;

beforeAll(async () => {
  server = await startIngestionServer();
  certificates = join(directory, "certificate.pem");
  await writeFile(certificates, server.certificatePem);
});
afterAll(async () => {
  await server.stop();
});
afterEach(() => server.reset());

describe("what is loaded", () => {
  test("no connection string → nothing of OpenTelemetry, whatever is emitted", async () => {
    const { report } = await runChild({ events: ["GatewayKeyRotated"] });

    expect(report.openTelemetryLoaded).toEqual({ beforeEvents: false, afterFlush: false });
    expect(report.warnings).toEqual([]);
  });

  test("a connection string, but no event for Application Insights → nothing either", async () => {
    const { report } = await runChild({
      connectionString: server.connectionString,
      events: ["GatewayKeyRegenerating"],
    });

    expect(report.openTelemetryLoaded).toEqual({ beforeEvents: false, afterFlush: false });
  });
});

describe("after the flush", () => {
  test("all arrived → the exporter was loaded for them, and nothing keeps the process", async () => {
    const { report, output } = await runChild({
      connectionString: server.connectionString,
      events: ["GatewayKeyRotated", "RotationRunCompleted"],
    });

    expect(report.openTelemetryLoaded).toEqual({ beforeEvents: false, afterFlush: true });
    expect(server.items()).toHaveLength(2);
    // Its report is all that it writes.
    expect(output.trimEnd().split("\n")).toHaveLength(1);
  });

  test.each([
    { outage: "hangs", answer: hang },
    { outage: "asks for a pause of a day", answer: refusal(503, { headers: { "retry-after": "86400" } }) },
  ])("the endpoint $outage → neither the connection nor a retry keeps the process", async ({ answer }) => {
    server.answerWith(answer);

    const { report, output } = await runChild({
      connectionString: server.connectionString,
      events: ["GatewayKeyRotated"],
      flushTimeLimitMs: 1_500,
    });

    expect(report.warnings).toHaveLength(1);
    expect(output.trimEnd().split("\n")).toHaveLength(1);
  });
});

test("the exporter's statistics about itself → are never sent", async () => {
  const elsewhere: string[] = [];
  const proxy = createServer().on("connect", (request, socket) => {
    elsewhere.push(request.url ?? "");
    socket.destroy();
  });
  const port = await listen(proxy);
  await runChild(
    // Twenty of the intervals below. A busy machine may hide a violation, but makes up none.
    { connectionString: server.connectionString, events: ["GatewayKeyRotated"], lingerMs: 1_000 },
    {
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      NO_PROXY: "127.0.0.1",
      FUNCTIONS_WORKER_RUNTIME: "node",
      // The exporter's own: sends its statistics at this interval instead of once a day.
      LONG_INTERVAL_EXPORT_MILLIS: "50",
    },
  );
  proxy.close();

  expect(server.items()).toHaveLength(1);
  expect(elsewhere).toEqual([]);
});

interface ChildRun {
  readonly report: ChildReport;
  /** All of stdout and stderr. */
  readonly output: string;
}

async function runChild(task: ChildTask, environment: Record<string, string> = {}): Promise<ChildRun> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./telemetryChild.ts", import.meta.url)), JSON.stringify(task)],
    {
      env: { NODE_EXTRA_CA_CERTS: certificates, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      // What keeps a process here keeps it for ever.
      timeout: patienceMs,
    },
  );
  const { code, stdout, stderr } = await endOf(child);
  const output = stderr + stdout;
  if (code !== 0) throw new Error(`the process ended with ${code}: ${output}`);
  return { report: JSON.parse(output), output };
}
