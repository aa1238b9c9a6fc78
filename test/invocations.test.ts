import { connect, createServer, type Socket } from "node:net";
import { hrtime } from "node:process";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { listen } from "../local/listen.ts";
import { type Services, startServices } from "../local/services.ts";
import { createApp } from "../src/app.ts";
import { endLateWrites, rewriteJournals } from "./support/journalBlobs.ts";
import { patienceMs } from "./support/patience.ts";
import { isRegenerate } from "./support/requests.ts";
import { temporaryFolder } from "./support/temporaryFolder.ts";

// Vitest cannot hold this module's timers.
vi.mock("node:timers/promises", () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

let services: Services;
const directory = temporaryFolder();

beforeAll(async () => {
  services = await startServices({
    settings: { CALL_TIMEOUT_SECONDS: "3", AzureFunctionsJobHost__functionTimeout: "00:02:00" },
  });
  const { settings, simulator } = services;
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), simulator.certificatePem]);
  for (const name of ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "APPLICATION_INSIGHTS_NO_STATSBEAT"])
    process.env[name] = settings[name];
  process.env["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential";
});
afterEach(() => {
  vi.useRealTimers();
  services.simulator.clearFaults();
});
afterAll(async () => {
  await services.stop();
});

const appWith = (settings: Readonly<Record<string, string | undefined>> = {}) =>
  createApp({ env: { ...services.settings, ...settings }, directory });
const invocation = () => ({ invocationId: crypto.randomUUID(), log() {}, warn() {}, error() {} });
const regenerates = () => services.simulator.requests.filter(isRegenerate).length;
const sentEvents = () => JSON.stringify(services.simulator.telemetry);

describe("an invocation that has ended", () => {
  test("without a failure → all of its events have arrived", async () => {
    const { invocationId, ...rest } = invocation();
    await appWith().rotateOnSchedule({ invocationId, ...rest }, { isPastDue: false });
    expect(sentEvents()).toContain(`timer-${invocationId}`);
    expect(sentEvents()).toContain("RotationRunCompleted");
  });

  test("with a failure → all of its events have arrived", async () => {
    services.simulator.inject({
      service: "resourceManager",
      fault: { kind: "answer", status: 400, effect: "none" },
      matches: isRegenerate,
      times: Number.POSITIVE_INFINITY,
    });
    const before = services.simulator.telemetry.length;
    await expect(appWith().rotateOnSchedule(invocation(), { isPastDue: false })).rejects.toThrow(
      "gateways failed",
    );
    const events = JSON.stringify(services.simulator.telemetry.slice(before));
    expect(events).toContain("GatewayKeyRotationFailed");
    expect(events).toContain("RotationRunCompleted");
  });
});

test("the host of a rotated version 1 gateway → resumeRotations reads its status and reports it", async () => {
  await appWith().rotateOnSchedule(invocation(), { isPastDue: false });
  await rewriteJournals(services, (journal, metadata) => {
    const { commit } = journal;
    if (metadata["host_check_at"] === undefined || commit === null) return { journal, metadata };
    // As if the rotation were a minute old, and its verification done.
    const earlier = { ...journal, commit: { ...commit, at: commit.at - 60_000 }, verification: null };
    return { journal: earlier, metadata: { ...metadata, host_check_at: "1" } };
  });
  const before = services.simulator.telemetry.length;
  await appWith().resumeRotations(invocation());
  const events = JSON.stringify(services.simulator.telemetry.slice(before));
  expect(events).toContain("GatewayHostSeen");
  expect(events).toContain('"rotation.host-seen":"no"');
});

test("the configuration is broken → open runs are finished, and no run begins", async () => {
  services.simulator.inject({
    service: "keyVault",
    fault: { kind: "answer", status: 503, effect: "none" },
    matches: () => true,
    times: Number.POSITIVE_INFINITY,
  });
  const short = { CALL_TIMEOUT_SECONDS: "1", AzureFunctionsJobHost__functionTimeout: "00:00:20" };
  await expect(appWith(short).rotateOnSchedule(invocation(), { isPastDue: false })).rejects.toThrow(
    "vault-server-error",
  );
  services.simulator.clearFaults();
  const before = regenerates();
  const broken = appWith({ ...short, GATEWAYS: '{"gateways":[{"resourceId":"x"}]}' });
  await expect(broken.rotateOnSchedule(invocation(), { isPastDue: false })).rejects.toThrow(
    "gateways[0].resourceId",
  );
  const endsAt = Date.now() + patienceMs;
  while (regenerates() === before && Date.now() < endsAt) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await broken.resumeRotations(invocation());
  }
  expect(regenerates()).toBeGreaterThan(before);
});

test("the host fires a tick of hours ago → one-key gateways are skipped, and the log says so", async () => {
  await endLateWrites(services);
  const lines: string[] = [];
  const hours = (new Date().getUTCHours() + 22) % 24;
  const app = appWith({ ROTATION_SCHEDULE: `0 0 ${hours} * * *` });
  const before = services.simulator.requests.length;
  await app.rotateOnSchedule(
    { ...invocation(), log: (line: string) => void lines.push(line) },
    { isPastDue: true },
  );
  const rotated = services.simulator.requests.slice(before).filter(isRegenerate);
  expect(rotated.map(({ url }) => /\/regeneratekey\?/i.test(url))).toContain(false);
  expect(rotated.map(({ url }) => /\/regeneratekey\?/i.test(url))).not.toContain(true);
  expect(lines.filter((line) => line.includes("late-tick"))).toEqual([
    expect.stringContaining('"rotation.gateway":"gatewaytest"'),
  ]);
});

/** A way to Azurite on which commits get lost, and from the second one on everything. `lost` resolves then. */
async function unreliableWay() {
  const original = services.settings["AzureWebJobsStorage"] ?? "";
  const target = Number(/BlobEndpoint=[^;]*:(\d+)\//.exec(original)?.[1]);
  const lost = Promise.withResolvers<"lost">();
  let commits = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const azurite = connect(target, "127.0.0.1");
    for (const socket of [client, azurite]) sockets.add(socket.on("error", () => socket.destroy()));
    client.on("data", (data) => {
      if (data.includes('"intent":null')) commits += 1;
      else if (commits < 2) azurite.write(data);
      if (commits === 2) lost.resolve("lost");
    });
    azurite.pipe(client);
  });
  const port = await listen(server);
  return {
    lost: lost.promise,
    connectionString: original.replace(`:${target}/`, `:${port}/`),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("storage hangs after keys are stored → the invocation ends before its time-out, and reports it", async () => {
  const timeOutMs = 600_000;
  const { lost, connectionString, close } = await unreliableWay();
  const { settings } = services;
  const { gateways, ...document } = JSON.parse(settings["GATEWAYS"] ?? "") as { gateways: readonly object[] };
  const always = gateways.slice(0, 2).map((each) => ({ ...each, rotateEveryDays: undefined }));
  const app = appWith({
    GATEWAYS: JSON.stringify({ ...document, gateways: always }),
    // Its calls would take real time.
    APPLICATIONINSIGHTS_CONNECTION_STRING: undefined,
    AzureWebJobsStorage: connectionString,
    CALL_TIMEOUT_SECONDS: "30",
    AzureFunctionsJobHost__functionTimeout: "00:10:00",
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  const startedAt = Date.now();
  const before = regenerates();
  let message: string | undefined;
  void app.rotateOnSchedule(invocation(), { isPastDue: false }).catch((error: unknown) => {
    message = String(error);
  });
  // As fast as real time, until only storage is called, which answers nothing.
  const tick = () => new Promise<"not yet">((resolve) => setImmediate(resolve, "not yet"));
  for (let at = hrtime.bigint(); (await Promise.race([lost, tick()])) !== "lost"; ) {
    const now = hrtime.bigint();
    await vi.advanceTimersByTimeAsync(Number(now - at) / 1e6);
    at = now;
  }
  while (message === undefined && Date.now() < startedAt + 2 * timeOutMs) {
    await vi.advanceTimersByTimeAsync(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const tookMs = Date.now() - startedAt;
  close();
  expect(tookMs).toBeLessThan(timeOutMs);
  expect(message).toMatch(
    /The run could not be recorded: .*(the invocation's time is up|did not answer within)/,
  );
  expect(regenerates()).toBeGreaterThanOrEqual(before + 2);
  expect(message).toContain("2 rotated");
});
