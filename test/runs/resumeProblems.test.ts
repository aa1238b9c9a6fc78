import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { callsOfRotation, quietPeriodMs } from "../../src/rotation/context.ts";
import { runName } from "../../src/runs/document.ts";
import { logName } from "../../src/runs/log.ts";
import { type Marker, markerName, openMarker, readMarker } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { createRun } from "../../src/runs/runs.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import { gatewayA, gatewayB, idleCalls, startResume, startWithRun } from "./resumeTicks.ts";
import { type Deliver, minuteMs, refusingCall } from "./storedRuns.ts";

describe("what a tick of resume reports", () => {
  test("every open run is continued → counted together, without a problem", async () => {
    const lab = startResume();
    await lab.create("first", [gatewayA, gatewayB]);
    await lab.wait(5 * minuteMs);
    await lab.tick();
    await lab.create("second", [gatewayA, gatewayB]);
    await lab.create("third", [gatewayA]);
    await lab.wait(5 * minuteMs);
    const { result, problems } = await lab.tick();
    expect(result).toMatchObject({ rotated: 0, skipped: 3, pending: 0, failed: [] });
    expect(problems).toEqual([]);
    expect(lab.regenerated()).toBe(2);
  });

  test("another runner holds two gateways of a run → both count as pending", async () => {
    const lab = startResume();
    await lab.create("run", [gatewayA, gatewayB]);
    await lab.wait(5 * minuteMs);
    for (const of of [gatewayA, gatewayB])
      await lab.leaveIntent(of, { claimedUntil: lab.clock.now() + minuteMs });
    expect((await lab.tick()).result).toMatchObject({ rotated: 0, pending: 2 });
  });

  test.each([
    ["its marker cannot be read", "readBlob", markerName, "could not be read"],
    ["its document cannot be read", "readBlob", runName, "could not be read"],
    ["its log cannot be read", "readBlob", logName, "could not be read"],
    ["it cannot be claimed", "writeBlob", markerName, "could not be claimed"],
    ["its log cannot be written", "appendBlob", logName, "could not be written"],
  ] as const)("a run: %s → reported once, with what to do", async (_, operation, nameOf, problem) => {
    const lab = await startWithRun();
    const { problems } = await lab.tick(refusingCall(operation, nameOf("run")));
    expect(problems).toEqual([
      expect.stringMatching(new RegExp(`^Run run ${problem}: .*\\n  Next: .*AzureWebJobsStorage`)),
    ]);
    await lab.wait(5 * minuteMs);
    expect((await lab.tick()).problems).toEqual([]);
  });

  test.each([
    ["open/", "The open runs could not be listed"],
    ["gateways/", "The journals could not be listed"],
  ])("the list of %s is refused → reported, and no intent is given another run", async (prefix, problem) => {
    const lab = startResume();
    await lab.leaveIntent();
    const { problems, journals } = await lab.tick(refusingCall("listBlobs", prefix));
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(journals.kind).toBe(prefix === "open/" ? "read" : "failed");
    expect(lab.regenerated()).toBe(0);
  });

  test("half a line in the log of a run → reported, and the run is continued", async () => {
    const lab = await startWithRun();
    await lab.blobs().append(logName("run"), '{"gateway":"gate');
    const { result, problems } = await lab.tick();
    expect(problems).toEqual([
      expect.stringMatching(/does not understand 1 of the lines in its log.*\n {2}Next: /),
    ]);
    expect(result.rotated).toBe(1);
  });

  test("a defect with one run → where, without the message, and the other run is continued", async () => {
    const lab = startResume();
    await lab.create("a-broken", [gatewayA]);
    await lab.create("b-whole", [gatewayB]);
    await lab.wait(5 * minuteMs);
    const { services, storage, terms } = lab.invocation();
    const blobs: BlobStore = {
      ...storage.blobs,
      async read(name) {
        if (name === markerName("a-broken")) throw new RangeError("secret");
        return storage.blobs.read(name);
      },
    };
    const resumed = await lab.clock.run(
      resumeRuns(services, { ...storage, blobs }, terms, [gatewayA, gatewayB]),
    );
    expect(resumed.problems).toEqual([
      expect.stringMatching(
        /^a-broken: a defect of this system: RangeError at .*\n {2}Next: report the defect/,
      ),
    ]);
    expect(resumed.problems.join()).not.toContain("secret");
    expect(resumed.result.rotated).toBe(1);
  });
});

const loseRegenerates: Deliver = ({ operation }) =>
  operation === "regenerate" ? { kind: "lostBefore" } : undefined;

describe("which runs a tick continues", () => {
  test("nothing is open → one list of the open runs, one of the journals, and nothing else", async () => {
    expect(await startResume().tick()).toMatchObject({
      result: { rotated: 0, skipped: 0, pending: 0, failed: [] },
      problems: [],
      calls: idleCalls,
    });
  });

  test.each<[string, (now: number) => Partial<Marker>]>([
    ["claimed", (now) => ({ driver: "other", drivenUntil: now + minuteMs })],
    ["driven, and released until later", (now) => ({ drives: 1, resumeAt: now + minuteMs })],
  ])("the run was %s since the list → left to that driver, without a problem", async (_, edit) => {
    const lab = await startWithRun();
    const { problems, calls } = await lab.tick(undefined, {
      sinceList: ["open/", () => lab.editMarker("run", edit)],
    });
    expect(problems).toEqual([]);
    expect(calls).toEqual([idleCalls[0], `readBlob ${markerName("run")}`, idleCalls[1]]);
  });

  test("two ticks find the run at once → one of them drives it", async () => {
    const lab = await startWithRun();
    const ticks = [lab.invocation(), lab.invocation()];
    const resumed = ticks.map(({ services, storage, terms }) => resumeRuns(services, storage, terms));
    const all = await lab.clock.run(Promise.all(resumed));
    expect(all.flatMap(({ problems }) => problems)).toEqual([]);
    const driving = ticks.filter(({ calls }) => calls.some(({ operation }) => operation === "readLatest"));
    expect(driving).toHaveLength(1);
  });

  test("the run's gateway must wait → meanwhile a tick lists, and reads that the run continues it", async () => {
    const lab = await startWithRun();
    const driven = await lab.tick(loseRegenerates);
    expect(driven.calls.at(-1)).toBe(idleCalls[1]);
    const reads = [runName, logName].map((name) => `readBlob ${name("run")}`);
    expect((await lab.tick()).calls).toEqual([...idleCalls, ...reads]);
  });

  test("the run is due later → continued at that moment, not before", async () => {
    const lab = await startWithRun();
    await lab.tick(loseRegenerates);
    const { storage } = lab.invocation();
    const marker = await lab.clock.run(readMarker(storage, "run"));
    const resumeAt = marker.kind === "held" ? marker.held.marker.resumeAt : 0;
    expect(resumeAt).toBeGreaterThan(lab.clock.now());
    await lab.wait(resumeAt - lab.clock.now() - 1000);
    expect((await lab.tick()).result.rotated).toBe(0);
    await lab.wait(resumeAt - lab.clock.now());
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test.each([-10, 10])(
    "this machine's clock is %i minutes off → claims end by storage's clock",
    async (minutes) => {
      const lab = startResume();
      await lab.create("run");
      const before = await lab.tick(undefined, { offMs: minutes * minuteMs });
      expect(before.result.rotated).toBe(0);
      await lab.wait(4 * callTimeoutMs + 1000);
      const after = await lab.tick(undefined, { offMs: minutes * minuteMs });
      expect(after.result.rotated).toBe(1);
    },
  );

  test.each([-60, 60])(
    "a marker without a document, our clock is %i minutes off → removed once stale by storage's clock",
    async (minutes) => {
      const lab = startResume();
      await openMarker(lab.invocation().storage, "run", "creator");
      for (const [waitMs, kind] of [
        [5 * minuteMs, "held"],
        [30 * minuteMs, "none"],
      ] as const) {
        await lab.wait(waitMs);
        await lab.tick(undefined, { offMs: minutes * minuteMs });
        expect(await readMarker(lab.invocation().storage, "run")).toMatchObject({ kind });
      }
    },
  );

  test("no document, and the answer comes after the quiet period has ended → the marker stays", async () => {
    const lab = startResume();
    await openMarker(lab.invocation().storage, "run", "creator");
    await lab.wait(quietPeriodMs(lab.invocation().terms) - 10_000);
    const { services, storage, terms } = lab.invocation();
    const blobs: BlobStore = {
      ...storage.blobs,
      async read(name) {
        const found = await storage.blobs.read(name);
        if (name === runName("run")) await services.clock.sleep(20_000);
        return found;
      },
    };
    await lab.clock.run(resumeRuns(services, { ...storage, blobs }, terms));
    expect(await readMarker(storage, "run")).toMatchObject({ kind: "held" });
  });

  test("a stale marker is removed while its run is created → the run keeps its marker", async () => {
    const lab = startResume();
    await openMarker(lab.invocation().storage, "run", "creator");
    await lab.wait(40 * minuteMs);
    const { services, storage, terms } = lab.invocation();
    const blobs: BlobStore = {
      ...storage.blobs,
      async remove(...removed) {
        await createRun(storage, runNamed("run"), () => [gatewayA]);
        return storage.blobs.remove(...removed);
      },
    };
    await lab.clock.run(resumeRuns(services, { ...storage, blobs }, terms));
    expect(await readMarker(storage, "run")).toMatchObject({ kind: "held" });
  });

  test("no time is left for a rotation → none is read, and the next tick continues them", async () => {
    const lab = startResume();
    await lab.create("run");
    await lab.leaveIntent(gatewayB);
    await lab.wait(5 * minuteMs);
    const { calls } = await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs - 1 });
    expect(calls.filter((call) => !call.startsWith("listBlobs"))).toEqual([]);
    expect(
      (await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs })).calls.length,
    ).toBeGreaterThan(3);
  });
});
