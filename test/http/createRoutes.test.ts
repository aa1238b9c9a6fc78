import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readAppSettings } from "../../src/config/appSettings.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { TargetInspector } from "../../src/domain/inspection.ts";
import { weekdays } from "../../src/domain/rotationWindow.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { createRoutes } from "../../src/http/routes.ts";
import { logName } from "../../src/runs/log.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lab, useLab } from "../support/lab.ts";
import { isRegenerate } from "../support/requests.ts";

/** The routes on the simulator, with a store that a test changes. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

useLab();

const { settings } = readAppSettings(
  {
    AzureWebJobsStorage: "UseDevelopmentStorage=true",
    ROTATION_SCHEDULE: "0 0 3 * * *",
    DEPLOYMENT_NAME: "prod",
  },
  {},
);
const problem = { code: "timed-out" as const, message: "Blob Storage did not answer.", transient: false };

function routesWith(blobs: BlobStore, gateways: readonly Gateway[] = [gateway(lab.azure.contoso)]) {
  if (settings === undefined) throw new Error("The settings are wrong");
  const configuration = { settings, gateways };
  return createRoutes({
    load: async () => ({ kind: "valid", ...configuration }),
    invoke(_invocation, _settings, _startedAt, work) {
      const { services, storage, terms } = lab.invocation({ blobs });
      return work({ services: { ...services, inspector }, storage, terms });
    },
  });
}
const inspector: TargetInspector = {
  describe: async () => ({ kind: "ready" }),
  permissions: async () => ({ kind: "read", permissions: [{ actions: ["*"], notActions: [] }] }),
  host: () => Promise.reject(new Error("Only resumeRotations reads a host")),
};
const invocation = { invocationId: "1", log() {}, warn() {}, error() {} };

async function post(
  blobs: BlobStore,
  idempotencyKey: string = crypto.randomUUID(),
  asked: object = { gateways: "*", confirm: "*", reason: "test" },
  gateways?: readonly Gateway[],
) {
  const { status, body } = await routesWith(blobs, gateways).requestRotation(
    {
      url: "https://app.example/api/rotations",
      headers: new Headers({ "content-type": "application/json", "idempotency-key": idempotencyKey }),
      body: Readable.from([Buffer.from(JSON.stringify(asked))]),
      params: {},
    },
    invocation,
  );
  return { status, ...JSON.parse(body) };
}

describe("the id of a run", () => {
  test("an Idempotency-Key → is not in the run's id, nor in any blob", async () => {
    const answer = await post(lab.blobs, "secret-ticket-4711");
    expect(answer).toMatchObject({ status: 200, run: expect.stringMatching(/^http-[0-9a-f]{40}$/) });
    expect(JSON.stringify(lab.blobs.snapshot())).not.toContain("secret-ticket-4711");
  });

  test("the gateway left the configuration, the same key is sent again → the same run", async () => {
    const asked = { gateways: ["gatewaytest"], reason: "test" };
    const first = await post(lab.blobs, "again", asked);
    expect(first).toMatchObject({ status: 200, rotated: 1 });
    expect(await post(lab.blobs, "again", asked, [])).toEqual(first);
  });

  test("an unknown gateway under a new key → 404, and nothing is stored", async () => {
    expect(await post(lab.blobs, "new", { gateways: ["x"], reason: "test" })).toMatchObject({ status: 404 });
    expect(lab.blobs.snapshot().blobs).toEqual([]);
  });

  test.each([
    ["none", ""],
    ["a path", "../gateways/x"],
    ["a space", "a b"],
    ["2,000 characters", "x".repeat(2000)],
  ])("%s, which no run has → 404 without a call", async (_what, runId) => {
    const read: BlobStore["read"] = async () => ({ kind: "failed", problem });
    const { status, body } = await routesWith({ ...lab.blobs, read }).readRotation(
      { url: "https://app.example/", headers: new Headers(), body: null, params: { runId } },
      invocation,
    );
    expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 404, code: "run-not-found" });
  });
});

describe("the next tick of each gateway, in GET /api/gateways and in a dry run", () => {
  /** The tick of these tests' schedule that comes first after `time`, and so many days later. */
  const tickAfter = (time: number, days = 0) =>
    new Date((Math.ceil((time - 3 * hourMs) / dayMs) + days) * dayMs + 3 * hourMs).toISOString();
  const dayOf = (iso: string) => weekdays[(new Date(iso).getUTCDay() + 6) % 7] ?? "Mon";

  test("never rotated, not due, due outside its window → the tick that rotates each, in ISO", async () => {
    const now = lab.now();
    const due = now + 30 * dayMs - hourMs / 2;
    const monthly = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    const fresh = runtime(lab.azure.contoso, { window: { days: [dayOf(tickAfter(now, 4))] } });
    const ticksOf = async (of: Gateway) => {
      const { body } = await routesWith(lab.blobs, [of]).listGateways(
        { url: "https://app.example/", headers: new Headers(), body: null, params: {} },
        invocation,
      );
      const asked = { gateways: "*", dryRun: true, reason: "test" };
      const planned = await post(lab.blobs, "dry", asked, [of]);
      return [JSON.parse(body).gateways[0].nextTick, planned.gateways[0].nextTick];
    };
    expect(await ticksOf(monthly)).toEqual([tickAfter(now), tickAfter(now)]);
    expect(await ticksOf(fresh)).toEqual([tickAfter(now, 4), tickAfter(now, 4)]);
    await lab.rotate([monthly]);
    expect(await ticksOf(monthly)).toEqual([tickAfter(due), tickAfter(due)]);
    const windowed = { ...monthly, window: { days: [dayOf(tickAfter(due, 3))] } };
    expect(await ticksOf(windowed)).toEqual([tickAfter(due, 3), tickAfter(due, 3)]);
    const never = { ...monthly, window: { from: "09:00", to: "10:00" } };
    expect(await ticksOf(never)).toEqual([null, null]);
  });
});

test.each([
  ["a gateway", settings, "resumeRotations finishes open runs"],
  ["an app setting", undefined, "resumeRotations does not continue open runs"],
])("%s is misconfigured → 503 reports whether open runs continue", async (_what, known, words) => {
  const { readRotation, listGateways } = createRoutes({
    load: async () => ({ kind: "invalid", problems: [], settings: known }),
    invoke: () => Promise.reject(new Error("Nothing is called")),
  });
  const request = { url: "https://app.example/", headers: new Headers(), body: null, params: {} };
  const { status, body } = await (known === undefined ? readRotation : listGateways)(request, invocation);
  expect({ status, ...JSON.parse(body) }).toMatchObject({
    status: 503,
    code: "configuration-invalid",
    detail: expect.stringContaining(words),
  });
});

describe("storage does not answer", () => {
  const failsFor = (isMeant: (name: string) => boolean): Partial<BlobStore> => ({
    read: async (name) => (isMeant(name) ? { kind: "failed", problem } : lab.blobs.read(name)),
  });

  test("before the run is written → the answer says that nothing was started, and nothing was", async () => {
    const answer = await post({ ...lab.blobs, ...failsFor((name) => name.startsWith("runs/")) });
    expect(answer).toMatchObject({ status: 503, code: "storage-timed-out", effect: "unchanged" });
    expect(answer.nextAction).toContain("This request started nothing");
    expect(lab.blobs.snapshot().blobs).toEqual([]);
  });

  test("after the run's document may be written → the answer says that it may have started", async () => {
    let isWritten = false;
    const answer = await post({
      ...lab.blobs,
      ...failsFor((name) => isWritten && name.startsWith("runs/")),
      async write(name, ...more) {
        const written = await lab.blobs.write(name, ...more);
        if (!name.startsWith("runs/")) return written;
        isWritten = true;
        return { kind: "unclear", problem };
      },
    });
    expect(answer).toMatchObject({ status: 503, code: "storage-timed-out", effect: "unknown" });
    expect(answer.nextAction).toContain("The run may have started");
    const before = lab.regenerates();
    await lab.ticks(1);
    expect(lab.regenerates()).toBe(before + 1);
  });

  test("after a key was regenerated → the answer counts its gateway", async () => {
    const before = lab.azure.simulator.requests.filter(isRegenerate).length;
    const answer = await post({
      ...lab.blobs,
      append: async (name, ...more) =>
        name.startsWith(logName("").replace(".log", ""))
          ? { kind: "refused", problem }
          : lab.blobs.append(name, ...more),
    });
    expect(lab.azure.simulator.requests.filter(isRegenerate).length).toBe(before + 1);
    expect(answer).toMatchObject({ status: 503, effect: "unknown" });
    expect(answer.detail).toContain("this request rotated 1 of its gateways");
  });
});
