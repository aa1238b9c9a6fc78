import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AppSettings } from "../../src/config/appSettings.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { createRoutes } from "../../src/http/routes.ts";
import { logName } from "../../src/runs/log.ts";
import { gateway } from "../support/gateways.ts";
import { isRegenerate, type Lab, startLab } from "../support/lab.ts";

/** The routes on the simulator, with a store that a test changes. */

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.azure.simulator.stop());
beforeEach(() => lab.reset());

const settings: AppSettings = {
  deploymentName: "prod",
  rotationSchedule: "0 0 3 * * *",
  storage: { connectionString: "" },
  resourceManager: { url: "", scope: "" },
  access: { platformAuthentication: false },
  rotationConcurrency: 2,
  functionTimeoutMs: 1,
  callTimeoutMs: 1,
};
const problem = { code: "timed-out", message: "Blob Storage did not answer.", transient: false };

function routesWith(blobs: BlobStore) {
  const configuration = { settings, gateways: [gateway(lab.azure.contoso)] };
  return createRoutes<Pick<Console, "warn" | "error">>({
    load: async () => ({ kind: "valid", configuration }),
    invoke(_invocation, _settings, _startedAt, work) {
      const { services, storage, terms } = lab.invocation({ blobs }, {}, { blobs });
      const inspector = { describe: notCalled, permissions: notCalled };
      return work({ services: { ...services, inspector }, storage, terms });
    },
  });
}
const notCalled = () => Promise.reject(new Error("Only a dry run inspects gateways"));
const invocation = { warn() {}, error() {} };

async function post(blobs: BlobStore, idempotencyKey: string = crypto.randomUUID()) {
  const { status, body } = await routesWith(blobs).requestRotation(
    {
      url: "https://app.example/api/rotations",
      headers: new Headers({ "content-type": "application/json", "idempotency-key": idempotencyKey }),
      body: Readable.from([Buffer.from('{ "gateways": "*", "confirm": "*", "reason": "test" }')]),
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

describe("storage does not answer", () => {
  const failsFor = (isMeant: (name: string) => boolean): Partial<BlobStore> => ({
    read: async (name) => (isMeant(name) ? { kind: "failed", problem } : lab.blobs.read(name)),
  });

  test("before the run is written → the answer says that the request started nothing, and it did not", async () => {
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
