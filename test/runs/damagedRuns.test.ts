import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { runName } from "../../src/runs/document.ts";
import { logName } from "../../src/runs/log.ts";
import { markerName } from "../../src/runs/marker.ts";
import { createRun } from "../../src/runs/runs.ts";
import { gateway } from "../support/gateways.ts";
import { httpRun, lab, minuteMs, useLab } from "../support/lab.ts";

const quietMs = 32 * minuteMs;

useLab();

describe("blobs of a run are missing or cannot be read", () => {
  test("a marker that cannot be read → the run is driven, and ends", async () => {
    const run = httpRun();
    await lab.rotate([gateway(lab.azure.contoso)], run);
    const found = await lab.blobs.read(markerName(run.id));
    if (found.kind !== "found") throw new Error(found.kind);
    await lab.blobs.write(markerName(run.id), "?", { kind: "unchanged", etag: found.etag });
    lab.advance(quietMs);
    await lab.resume();
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("an operator removed a marker → the same request writes it again, and the run ends", async () => {
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    const { storage } = lab.invocation();
    await createRun(storage, run, () => [of]);
    await lab.blobs.remove(markerName(run.id));
    await lab.ticks(1);
    expect(lab.openRuns()).toBe(0);
    expect(await createRun(storage, run, () => [of])).toMatchObject({ kind: "found" });
    expect(lab.openRuns()).toBe(1);
    await lab.ticks(3);
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("an operator deleted a document, but not its log → the marker is removed once it is stale", async () => {
    const run = httpRun();
    await lab.rotate([gateway(lab.azure.contoso)], run);
    await lab.blobs.remove(runName(run.id));
    expect((await lab.blobs.read(logName(run.id))).kind).toBe("found");
    await lab.ticks(2);
    expect(lab.openRuns()).toBe(0);
  });

  test("half a line in the log → reported, and the run is continued", async () => {
    const run = httpRun();
    await lab.rotate([gateway(lab.azure.contoso)], run);
    await lab.blobs.append(logName(run.id), '{"gateway":"gate');
    lab.advance(32 * minuteMs);
    const { problems } = await lab.resume();
    expect(problems).toEqual([
      expect.stringMatching(/does not understand 1 of the lines in its log.*\n {2}Next: /),
    ]);
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("a stale marker is removed while its run is created again → resume still finishes the run", async () => {
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    const { storage } = lab.invocation();
    await lab.blobs.write(markerName(run.id), JSON.stringify({ createdAt: lab.now() }), { kind: "absent" });
    lab.advance(40 * minuteMs);
    const blobs: BlobStore = {
      ...lab.blobs,
      async remove(name, etag) {
        await createRun(storage, run, () => [of]);
        return lab.blobs.remove(name, etag);
      },
    };
    await lab.resume({ blobs });
    // Its creator dies here.
    await lab.ticks(3);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("this machine's clock is an hour behind → a new marker is not stale", async () => {
    const run = httpRun();
    const { storage } = lab.invocation();
    const behind = { ...storage.clock, now: () => lab.now() - 60 * minuteMs };
    const blobs: BlobStore = {
      ...lab.blobs,
      async write(name, ...more) {
        if (name !== runName(run.id)) return lab.blobs.write(name, ...more);
        await lab.resume();
        return lab.blobs.write(name, ...more);
      },
    };
    await createRun({ ...storage, blobs, clock: behind }, run, () => [gateway(lab.azure.contoso)]);
    expect(lab.openRuns()).toBe(1);
  });
});
