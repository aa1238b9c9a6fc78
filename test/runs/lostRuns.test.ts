import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { emptyJournal, journalName } from "../../src/journal/journal.ts";
import { runName } from "../../src/runs/document.ts";
import { logName } from "../../src/runs/log.ts";
import { markerName } from "../../src/runs/marker.ts";
import { notBegun } from "../../src/runs/progress.ts";
import { createRun } from "../../src/runs/runs.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { secretAt } from "../simulation/models/world.ts";
import { gatewayA, gatewayB, idleCalls, startResume, startWithRun } from "./resumeTicks.ts";
import { type Deliver, minuteMs, refusingCall } from "./storedRuns.ts";

describe("an open run is done with one gateway, and waits for another", () => {
  async function waiting() {
    const lab = startResume();
    await lab.create("run", [gatewayA, gatewayB]);
    const document = await lab.blobs().read(runName("run"));
    const { createdAt } = JSON.parse(document.kind === "found" ? document.text : "");
    const done = { ...notBegun(createdAt), state: "done" };
    const line = { run: createdAt, gateway: "a", driver: "one", when: createdAt, ...done };
    await lab.blobs().append(logName("run"), JSON.stringify(line));
    await lab.editMarker("run", (now) => ({ drivenUntil: 0, resumeAt: now + 24 * 60 * minuteMs }));
    return lab;
  }

  test("an overtaken driver left an intent of the finished gateway → a new run continues it", async () => {
    const lab = await waiting();
    await lab.leaveIntent(gatewayA, { runId: "run" });
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 1 } });
  });

  test("an overtaken driver left a suspect commit of the finished gateway → replaced once due", async () => {
    const lab = await waiting();
    await lab.leaveIntent(gatewayA, { runId: "run" });
    await lab.tick();
    for (const name of [markerName, runName, logName]) await lab.blobs().remove(name("resume-rotation"));
    expect((await lab.tick()).calls).toEqual(idleCalls);
    await lab.wait(60 * minuteMs);
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 1 } });
  });

  test("an intent of the waiting gateway is open → left to the open run", async () => {
    const lab = await waiting();
    await lab.leaveIntent(gatewayB, { runId: "run" });
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 0 } });
    expect(lab.regenerated()).toBe(0);
  });

  test("a driver holds the run → the intent is left to that driver, and the run is not read", async () => {
    const lab = await waiting();
    await lab.editMarker("run", (now) => ({ drivenUntil: now + minuteMs }));
    await lab.leaveIntent(gatewayA, { runId: "run" });
    expect((await lab.tick()).calls).toEqual(idleCalls);
  });
});

describe("an open intent without its run", () => {
  test("only an intent without its run is open → a new run continues it, and the key is stored", async () => {
    const lab = startResume();
    await lab.leaveIntent();
    const { result, problems, journals } = await lab.tick();
    expect(result).toMatchObject({ rotated: 1, failed: [] });
    expect(problems).toEqual([]);
    // As they are afterwards.
    expect(
      journals.kind === "read" && journals.summaries.get(journalName(gatewayA))?.openFor,
    ).toBeUndefined();
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "found" });
  });

  test.each<[string, (blobs: BlobStore) => Promise<unknown>, readonly unknown[]]>([
    ["document was deleted", (blobs) => blobs.remove(runName("gone")), []],
    ["marker was deleted", (blobs) => blobs.remove(markerName("gone")), []],
    [
      "document cannot be understood",
      async (blobs) => {
        await blobs.remove(runName("gone"));
        await blobs.write(runName("gone"), "{}", { kind: "absent" });
      },
      [expect.stringContaining(runName("gone"))],
    ],
  ])("its run's %s → the intent is continued, with the configured terms", async (_, change, problems) => {
    const lab = startResume();
    await lab.create("gone");
    await lab.leaveIntent();
    await change(lab.blobs());
    await lab.wait(5 * minuteMs);
    expect(await lab.tick()).toMatchObject({ problems, result: { rotated: 1 } });
    const [version] = secretAt(lab.holder.world, gatewayA.secret).versions;
    expect(version?.tags).toMatchObject({ trigger: "resume", "rotate-every-days": "30" });
  });

  test("the intent's journal cannot be read → reported, and a later tick continues the intent", async () => {
    const lab = startResume();
    await lab.leaveIntent();
    const { problems } = await lab.tick(refusingCall("readBlob", journalName(gatewayA)));
    expect(problems).toEqual([expect.stringContaining(`${journalName(gatewayA)} could not be read`)]);
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test("the journal was damaged after the intent began → reported, and no key is regenerated", async () => {
    const lab = startResume();
    await lab.leaveIntent();
    const blobs = lab.blobs();
    const read = await blobs.read(journalName(gatewayA));
    const etag = read.kind === "found" ? read.etag : "";
    await blobs.write(journalName(gatewayA), "{}", { kind: "unchanged", etag }, { open_for: "gone" });
    const { problems } = await lab.tick();
    expect(problems).toEqual([
      expect.stringContaining(`does not understand the blob ${journalName(gatewayA)}`),
    ]);
    expect(lab.regenerated()).toBe(0);
  });

  test("the list shows an open intent that is closed by now → the journal is read, nothing is done", async () => {
    const lab = startResume();
    const blobs = lab.blobs();
    await blobs.write(
      journalName(gatewayA),
      JSON.stringify(emptyJournal(gatewayA)),
      { kind: "absent" },
      { open_for: "gone" },
    );
    const { problems, calls } = await lab.tick();
    expect(problems).toEqual([]);
    expect(calls).toEqual([...idleCalls, `readBlob ${journalName(gatewayA)}`]);
  });

  test("another runner has claimed the intent → nothing is done until that claim has run out", async () => {
    const lab = startResume();
    await lab.leaveIntent(gatewayA, { claimedUntil: lab.clock.now() + minuteMs });
    expect((await lab.tick()).result.rotated).toBe(0);
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "none" });
    await lab.wait(minuteMs);
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test("the new run cannot be written → reported, and a later tick continues the intent", async () => {
    const lab = startResume();
    await lab.leaveIntent();
    const { problems } = await lab.tick(refusingCall("writeBlob", runName("resume-rotation")));
    expect(problems).toEqual([expect.stringContaining("Run resume-rotation could not be written")]);
    expect(lab.regenerated()).toBe(0);
    await lab.wait(5 * minuteMs);
    await lab.tick();
    await lab.wait(60 * minuteMs);
    await lab.tick();
    expect(lab.regenerated()).toBeGreaterThan(0);
  });

  test.each<[string, Deliver | undefined]>([
    ["the intent's run appears after the list of runs", undefined],
    ["the intent's run cannot be read", refusingCall("readBlob", runName("gone"))],
  ])("%s → no new run, since the intent's own may continue it", async (_, deliver) => {
    const lab = startResume();
    await lab.leaveIntent();
    const { storage } = lab.invocation();
    const appears = () => createRun(storage, runNamed("gone"), () => [gatewayA]);
    const { problems } = await lab.tick(deliver, { sinceList: ["open/", appears] });
    expect(problems).toEqual([]);
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "none" });
    expect(lab.regenerated()).toBe(0);
  });

  test("the vault is down, so the new run waits → meanwhile a tick only reads the journal", async () => {
    const lab = startResume();
    await lab.leaveIntent();
    await lab.tick(({ service }) =>
      service === "Key Vault" ? { kind: "refused", code: "unreachable" } : undefined,
    );
    expect((await lab.tick()).calls).toEqual([...idleCalls, `readBlob ${journalName(gatewayA)}`]);
    await lab.wait(5 * minuteMs);
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test("a journal with an intent names no gateway → reported, and the next intent is continued", async () => {
    const lab = startResume();
    await lab.leaveIntent(gatewayB);
    const journal = { ...emptyJournal(gatewayA), identity: "nothing", intent: null };
    const intent = {
      ...{ rotationId: "other", runId: "gone", slot: "key", reason: "due", claimedUntil: 0 },
      attempts: [{ clientRequestId: "x", at: 1, known: "open" }],
    };
    await lab
      .blobs()
      .write(
        "gateways/0.json",
        JSON.stringify({ ...journal, intent }),
        { kind: "absent" },
        { open_for: "gone" },
      );
    const { problems, result } = await lab.tick();
    expect(problems).toEqual([expect.stringContaining("does not understand the blob gateways/0.json")]);
    expect(result.rotated).toBe(1);
  });
});

describe("a verification without its run", () => {
  /** A gateway was rotated by a run, which was deleted by hand before its verification. */
  async function rotated() {
    const lab = await startWithRun();
    await lab.tick();
    for (const name of [runName("run"), markerName("run")]) await lab.blobs().remove(name);
    return lab;
  }
  type Tick = Awaited<ReturnType<ReturnType<typeof startResume>["tick"]>>;
  const verifyAt = ({ journals }: Tick) =>
    journals.kind === "read" ? journals.summaries.get(journalName(gatewayA))?.verifyAt : journals.kind;

  test("a verification lost its run → a new run does it once it is due, and rotates nothing", async () => {
    const lab = await rotated();
    expect((await lab.tick()).calls).toEqual(idleCalls);
    await lab.wait(40 * minuteMs);
    const tick = await lab.tick();
    expect(tick).toMatchObject({ problems: [], result: { rotated: 0, failed: [] } });
    expect(verifyAt(tick)).toBeUndefined();
    expect(lab.regenerated()).toBe(1);
    await lab.wait(40 * minuteMs);
    expect((await lab.tick()).calls).toEqual(idleCalls);
  });

  test("the journal was rebuilt, and names no run → left to the run that rebuilt it, or the next", async () => {
    const lab = await rotated();
    await lab.editJournal(gatewayA, (journal) => ({ ...journal, slots: {} }));
    await lab.wait(40 * minuteMs);
    expect((await lab.tick()).calls).toEqual(idleCalls);
    await lab.create("next");
    await lab.wait(5 * minuteMs);
    expect(verifyAt(await lab.tick())).toBeUndefined();
    expect(lab.regenerated()).toBe(1);
  });

  test("the gateway was rotated again since the list → left until the new verification is due", async () => {
    const lab = await rotated();
    await lab.wait(40 * minuteMs);
    const verification = { at: lab.clock.now() + minuteMs, suspect: false };
    const edit = () => lab.editJournal(gatewayA, (journal) => ({ ...journal, verification }));
    const { calls } = await lab.tick(undefined, { sinceList: ["gateways/", edit] });
    expect(calls).toEqual([...idleCalls, `readBlob ${journalName(gatewayA)}`]);
  });

  test("another driver holds the verification's run → left to that driver", async () => {
    const lab = await startWithRun();
    await lab.tick();
    await lab.wait(40 * minuteMs);
    await lab.editMarker("run", (now) => ({ drivenUntil: now + minuteMs }));
    expect((await lab.tick()).calls).toEqual(idleCalls);
  });
});
