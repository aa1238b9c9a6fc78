import { describe, expect, test } from "vitest";
import { type GatewayKeys, toClientRequestId } from "../../src/domain/attempt.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { readGatewayStates } from "../../src/runs/gatewayStates.ts";
import { logName } from "../../src/runs/log.ts";
import { markerName } from "../../src/runs/marker.ts";
import { gateway, namedGateway, runtime } from "../support/gateways.ts";
import { functionTimeoutMs, httpRun, lab, minuteMs, useLab } from "../support/lab.ts";
import { isPut, isRegenerate, refusal } from "../support/requests.ts";

useLab();

const oneOf = (name: string) => namedGateway(name, lab.azure.contoso);
const refusedByRole = refusal(403);
const markerOf = async (id: string) => {
  const found = await lab.blobs.read(markerName(id));
  return found.kind === "found" ? JSON.parse(found.text) : undefined;
};

describe("a run completes once", () => {
  test("rotated, and verified later → one event after the rotation, with the whole run's counts", async () => {
    const skipped = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    await lab.rotate([skipped]);
    await lab.ticks(2);
    lab.events.length = 0;
    await lab.rotate([skipped, runtime(lab.azure.contoso)], { trigger: "schedule" });
    const once = [{ rotated: 1, skipped: 1, failed: 0 }];
    expect(lab.named("RotationRunCompleted")).toMatchObject(once);
    await lab.ticks(4);
    expect(lab.named("RotationRunCompleted")).toMatchObject(once);
    expect(lab.openRuns()).toBe(0);
  });

  test("nothing is due → one event, and the run ends at once", async () => {
    const of = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    await lab.rotate([of]);
    await lab.ticks(2);
    lab.events.length = 0;
    await lab.rotate([of], { trigger: "schedule" });
    expect(lab.openRuns()).toBe(0);
    expect(lab.named("RotationRunCompleted")).toMatchObject([{ rotated: 0, skipped: 1, failed: 0 }]);
  });

  test("storage refuses the record of the completion → the next driver completes and ends the run", async () => {
    const of = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    await lab.rotate([of]);
    await lab.ticks(2);
    lab.events.length = 0;
    const { id } = httpRun();
    let writes = 0;
    const blobs: BlobStore = {
      ...lab.blobs,
      async write(name, ...more) {
        if (name !== markerName(id) || ++writes === 1) return lab.blobs.write(name, ...more);
        return { kind: "refused", problem: { code: "forbidden", message: "No.", transient: false } };
      },
    };
    await lab.rotate([of], { id, trigger: "schedule" }, { blobs });
    expect(lab.named("RotationRunCompleted")).toEqual([]);
    expect(lab.openRuns()).toBe(1);
    await lab.ticks(3);
    expect(lab.named("RotationRunCompleted")).toMatchObject([{ skipped: 1, failed: 0 }]);
    expect(lab.openRuns()).toBe(0);
  });

  test("a gateway fails in several drives, then is rotated → one event then, which counts all gateways", async () => {
    lab.inject("resourceManager", refusal(429), isRegenerate, 8);
    await lab.rotate([gateway(lab.azure.contoso)]);
    await lab.ticks(1);
    expect(lab.named("RotationRunCompleted")).toEqual([]);
    await lab.ticks(6);
    expect(lab.named("RotationRunCompleted")).toMatchObject([{ rotated: 1, skipped: 0, failed: 0 }]);
  });

  test("two drivers find the run settled → one event", async () => {
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    let reads = 0;
    const blobs: BlobStore = {
      ...lab.blobs,
      async read(name) {
        const found = await lab.blobs.read(name);
        // The first driver stalls after its last read, until another one has driven the run to its end.
        if (name === logName(run.id) && ++reads === 1) {
          lab.advance(5 * minuteMs);
          await lab.resume();
        }
        return found;
      },
    };
    await lab.rotate([of], run, { blobs });
    expect(reads).toBe(1);
    await lab.ticks(4);
    expect(lab.openRuns()).toBe(0);
    expect(lab.named("RotationRunCompleted")).toHaveLength(1);
  });
});

describe("when a gateway is driven", () => {
  test("one verification is due, another is not → only the first gateway is read", async () => {
    const [early, late] = [gateway(lab.azure.contoso), runtime(lab.azure.contoso)];
    let rotations = 0;
    const keys = {
      ...lab.azure.keys,
      async regenerate(...call: Parameters<typeof lab.azure.keys.regenerate>) {
        if (rotations++ > 0) lab.advance(10 * minuteMs);
        return lab.azure.keys.regenerate(...call);
      },
    };
    await lab.rotate([early, late], {}, { keys }, { concurrency: 1 });
    lab.events.length = 0;
    lab.advance(25 * minuteMs);
    await lab.resume();
    expect(lab.named("GatewayKeyRotationDecided").map(({ gateway }) => gateway.name)).toEqual([
      early.name,
      early.name,
    ]);
  });

  test("a gateway keeps failing and may pass → the pauses between drives grow to an hour at most", async () => {
    lab.inject("keyVault", refusal(503), () => true, Number.POSITIVE_INFINITY);
    const run = httpRun();
    await lab.rotate([gateway(lab.azure.contoso)], run);
    const pauses: number[] = [];
    for (let drive = 0; drive < 16; drive += 1) {
      const { resumeAt } = await markerOf(run.id);
      pauses.push(Math.round((resumeAt - lab.now()) / 1000));
      lab.advance(resumeAt - lab.now() + 1000);
      await lab.resume();
    }
    expect(pauses.slice(2, 8)).toEqual(pauses.slice(1, 7).map((pause) => expect.closeTo(2 * pause, -1)));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(3600);
    expect(pauses.at(-1)).toBeGreaterThan(3500);
  });
});

describe("a gateway that a service refuses by role", () => {
  test.each([
    ["Resource Manager", "resourceManager", isRegenerate, "regenerate-forbidden"],
    ["the vault", "keyVault", isPut, "vault-takes-no-writes"],
  ] as const)("%s → tried again with growing pauses, and rotated once the role is there", async (...row) => {
    const [, service, matches, code] = row;
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    lab.inject(service, refusedByRole, matches, Infinity);
    await lab.rotate([of], run);
    const pauses: number[] = [];
    for (let drive = 0; drive < 4; drive += 1) {
      const { resumeAt } = await markerOf(run.id);
      pauses.push(resumeAt - lab.now());
      lab.advance(resumeAt - lab.now() + 1000);
      expect((await lab.resume()).result.failed).toMatchObject([{ code, effect: "unchanged" }]);
      expect(await lab.gatewaysOf(run.id)).toMatchObject([{ state: "open", outcome: { code } }]);
    }
    expect(pauses.slice(2)).toEqual(pauses.slice(1, 3).map((pause) => expect.closeTo(2 * pause, -4)));
    lab.azure.simulator.clearFaults();
    await lab.ticks(1);
    expect(await lab.gatewaysOf(run.id)).toMatchObject([{ outcome: { kind: "rotated" } }]);
  });

  test("for more than an hour → final for the run, which ends", async () => {
    const run = httpRun();
    lab.inject("resourceManager", refusedByRole, isRegenerate, Infinity);
    await lab.rotate([gateway(lab.azure.contoso)], run);
    await lab.ticks(2);
    expect(await lab.gatewaysOf(run.id)).toMatchObject([
      { state: "done", outcome: { kind: "failed", code: "regenerate-forbidden" } },
    ]);
    expect(lab.openRuns()).toBe(0);
    expect(lab.named("RotationRunCompleted")).toMatchObject([{ failed: 1 }]);
  });
});

describe("the log of a run", () => {
  test("gateways fail in every drive for ten days → one line each, and the pauses hold", async () => {
    const run = httpRun();
    lab.inject("keyVault", refusal(503), () => true, Infinity);
    await lab.rotate([oneOf("a"), oneOf("b")], run);
    let drives = 0;
    for (let minute = 0; minute < 10 * 24 * 60; minute += 30) {
      lab.advance(30 * minuteMs);
      drives += Number((await lab.resume()).result.failed.length > 0);
    }
    expect(drives).toBeGreaterThan(120);
    expect(drives).toBeLessThan(260);
    const log = await lab.blobs.read(logName(run.id));
    expect(log.kind === "found" ? log.text.match(/"gateway"/g) : []).toHaveLength(2);
    lab.azure.simulator.clearFaults();
    await lab.ticks(3);
    expect(lab.openRuns()).toBe(0);
  });

  test("a dead key is found too late to replace it → the journal says dead, and resume replaces it", async () => {
    const of = runtime(lab.azure.contoso, { rotateEveryDays: 30 });
    await lab.rotate([of]);
    await lab.ticks(3);
    await lab.azure.keys.regenerate(of.target, "authKey2", toClientRequestId(crypto.randomUUID()));
    expect(lab.works(of)).toBe(false);
    lab.advance(8 * 24 * 60 * minuteMs);
    const listKeys: GatewayKeys["listKeys"] = async (target) => {
      const listed = await lab.azure.keys.listKeys(target);
      lab.advance(functionTimeoutMs);
      return listed;
    };
    const ran = await lab.rotate([of], { trigger: "schedule" }, { keys: { ...lab.azure.keys, listKeys } });
    expect(ran).toMatchObject({ pending: 1 });
    const states = async () => {
      const read = await readGatewayStates(lab.invocation().storage, [of], () => undefined);
      return read.kind === "read" ? read.states : read.kind;
    };
    expect(await states()).toMatchObject([
      { state: "failed", keyWorks: false, failure: { code: "published-key-dead", effect: "unchanged" } },
    ]);
    await lab.ticks(1);
    expect(lab.works(of)).toBe(true);
    expect(await states()).toMatchObject([{ keyWorks: true, failure: undefined }]);
  });
});
