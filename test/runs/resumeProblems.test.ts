import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { emptyJournal, type Journal, journalName } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { runName } from "../../src/runs/document.ts";
import { logName } from "../../src/runs/log.ts";
import { claimMarker, markerName, readMarker } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { callTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { anotherTarget, gateway } from "../support/gateways.ts";
import { type Deliver, forbidden, minuteMs, on, startStoredRuns } from "./storedRuns.ts";

const named = (name: string) =>
  gateway(undefined, {
    name,
    target: anotherTarget(name),
    secret: { ...gateway().secret, secretName: name },
    rotateEveryDays: 30,
  });
const a = named("a");
const b = named("b");

/** Storage with open runs, and ticks of resume over it. */
function start() {
  const lab = startStoredRuns([a, b]);
  const { clock, invocation } = lab;
  return {
    ...lab,
    create: (id: string, gateways = [a]) => lab.create(id, gateways),
    /** An intent that a runner left open, whose run is gone. */
    async leaveIntent(of = a, terms: Partial<NonNullable<Journal["intent"]>> = {}) {
      const journals = createJournals(invocation().storage);
      const attempts = [{ clientRequestId: "attempt", at: clock.now(), known: "open" as const }];
      const open = { rotationId: "rotation", runId: "gone", slot: "key", reason: "due" } as const;
      const intent: Journal["intent"] = { ...open, attempts, claimedUntil: 0, ...terms };
      await clock.run(
        (async () => {
          const read = await journals.read(of);
          if (read.kind === "read") await journals.write(of, read.held, { ...emptyJournal(of), intent });
        })(),
      );
    },
    async tick(deliver?: Deliver, change: { offMs?: number; leftMs?: number } = {}) {
      const { services, storage, terms, calls } = invocation(deliver, change.offMs);
      const deadline = change.leftMs === undefined ? terms.deadline : services.clock.now() + change.leftMs;
      const resumed = await clock.run(resumeRuns(services, storage, { ...terms, deadline }, [a, b]));
      return { ...resumed, calls };
    },
  };
}

describe("what a tick of resume reports", () => {
  test("every open run is continued → counted together, without a problem", async () => {
    const lab = start();
    await lab.create("first", [a, b]);
    await lab.wait(5 * minuteMs);
    await lab.tick();
    await lab.create("second", [a, b]);
    await lab.create("third", [a]);
    await lab.wait(5 * minuteMs);
    const { result, problems } = await lab.tick();
    expect(result).toMatchObject({ rotated: 0, skipped: 3, pending: 0, failed: [] });
    expect(problems).toEqual([]);
    expect(lab.regenerated()).toBe(2);
  });

  test("another runner holds two gateways of a run → both count as pending", async () => {
    const lab = start();
    await lab.create("run", [a, b]);
    await lab.wait(5 * minuteMs);
    for (const of of [a, b]) await lab.leaveIntent(of, { claimedUntil: lab.clock.now() + minuteMs });
    expect((await lab.tick()).result).toMatchObject({ rotated: 0, pending: 2 });
  });

  test.each<[string, Deliver, string]>([
    ["its marker cannot be read", on("readBlob", markerName("run")), "Run run could not be read"],
    ["its document cannot be read", on("readBlob", runName("run")), "Run run could not be read"],
    ["its log cannot be read", on("readBlob", logName("run")), "Run run could not be read"],
    ["it cannot be claimed", on("writeBlob", markerName("run")), "Run run could not be claimed"],
    ["its log cannot be written", on("appendBlob", logName("run")), "Run run could not be written"],
  ])("%s → reported once, with what to do", async (_, deliver, problem) => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    const { problems } = await lab.tick(deliver);
    expect(problems).toEqual([
      expect.stringMatching(new RegExp(`^${problem}: .*\\n  Next: .*AzureWebJobsStorage`)),
    ]);
    await lab.wait(5 * minuteMs);
    expect((await lab.tick()).problems).toEqual([]);
  });

  test.each([
    ["open/", "The open runs could not be listed"],
    ["gateways/", "The journals could not be listed"],
  ])("the list of %s is refused → reported, and no intent is given another run", async (prefix, problem) => {
    const lab = start();
    await lab.leaveIntent();
    const { problems, journals } = await lab.tick(on("listBlobs", prefix));
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(journals.kind).toBe(prefix === "open/" ? "read" : "failed");
    expect(lab.regenerated()).toBe(0);
  });

  test("a defect with one run → its name and the error's, and the other run is continued", async () => {
    const lab = start();
    await lab.create("a-broken", [a]);
    await lab.create("b-whole", [b]);
    await lab.wait(5 * minuteMs);
    const { services, storage, terms } = lab.invocation();
    const blobs: BlobStore = {
      ...storage.blobs,
      async read(name) {
        if (name === markerName("a-broken")) throw new RangeError("secret");
        return storage.blobs.read(name);
      },
    };
    const resumed = await lab.clock.run(resumeRuns(services, { ...storage, blobs }, terms, [a, b]));
    expect(resumed.problems).toEqual(["a-broken: RangeError"]);
    expect(resumed.result.rotated).toBe(1);
  });
});

describe("which runs a tick continues", () => {
  test("its marker was claimed since the list → left to that driver, without a problem", async () => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    const { storage } = lab.invocation();
    let claimed = false;
    const { problems, result } = await (async () => {
      const { services, storage: own, terms } = lab.invocation();
      const blobs: BlobStore = {
        ...own.blobs,
        async list(prefix) {
          const listed = await own.blobs.list(prefix);
          if (claimed) return listed;
          claimed = true;
          const marker = await readMarker(storage, "run");
          if (marker.kind === "held") await claimMarker(storage, marker.held, "other");
          return listed;
        },
      };
      return lab.clock.run(resumeRuns(services, { ...own, blobs }, terms, [a]));
    })();
    expect(problems).toEqual([]);
    expect(result.rotated).toBe(0);
    expect(lab.regenerated()).toBe(0);
  });

  test("it is to be resumed later → left until then; at that moment it is continued", async () => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    await lab.tick(({ operation }) => (operation === "regenerate" ? { kind: "lostBefore" } : undefined));
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
    "this machine's clock is %i minutes off → claims end by storage's",
    async (minutes) => {
      const lab = start();
      await lab.create("run");
      const before = await lab.tick(undefined, { offMs: minutes * minuteMs });
      expect(before.result.rotated).toBe(0);
      await lab.wait(4 * callTimeoutMs + 1000);
      const after = await lab.tick(undefined, { offMs: minutes * minuteMs });
      expect(after.result.rotated).toBe(1);
    },
  );

  test("no time is left for a rotation → none is read, and the next tick continues them", async () => {
    const lab = start();
    await lab.create("run");
    await lab.leaveIntent(b);
    await lab.wait(5 * minuteMs);
    const { calls } = await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs - 1 });
    expect(calls.map(({ operation }) => operation)).toEqual(["listBlobs", "listBlobs"]);
    expect(
      (await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs })).calls.length,
    ).toBeGreaterThan(2);
  });
});

describe("an open intent without its run", () => {
  test("nothing else is open → continued by a run of its own, and the key is stored", async () => {
    const lab = start();
    await lab.leaveIntent();
    const { result, problems, journals } = await lab.tick();
    expect(result).toMatchObject({ rotated: 1, failed: [] });
    expect(problems).toEqual([]);
    // As they are afterwards.
    expect(journals.kind === "read" && journals.summaries.get(journalName(a))?.openFor).toBeUndefined();
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "found" });
  });

  test("its journal cannot be read → reported, and continued by a later tick", async () => {
    const lab = start();
    await lab.leaveIntent();
    const { problems } = await lab.tick(on("readBlob", journalName(a)));
    expect(problems).toEqual([expect.stringContaining(`${journalName(a)} could not be read`)]);
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test("its journal cannot be understood by now → reported, and left as it is", async () => {
    const lab = start();
    await lab.leaveIntent();
    const blobs = lab.blobs();
    const read = await blobs.read(journalName(a));
    const etag = read.kind === "found" ? read.etag : "";
    await blobs.write(journalName(a), "{}", { kind: "unchanged", etag }, { open_for: "gone" });
    const { problems } = await lab.tick();
    expect(problems).toEqual([expect.stringContaining(`does not understand the blob ${journalName(a)}`)]);
    expect(lab.regenerated()).toBe(0);
  });

  test("by now the intent is closed → nothing is done", async () => {
    const lab = start();
    const blobs = lab.blobs();
    await blobs.write(
      journalName(a),
      JSON.stringify(emptyJournal(a)),
      { kind: "absent" },
      { open_for: "gone" },
    );
    const { problems, calls } = await lab.tick();
    expect(problems).toEqual([]);
    expect(calls.map(({ operation }) => operation)).toEqual(["listBlobs", "listBlobs", "readBlob"]);
  });

  test("by now its claim is held → left to that runner", async () => {
    const lab = start();
    await lab.leaveIntent(a, { claimedUntil: lab.clock.now() + minuteMs });
    expect((await lab.tick()).result.rotated).toBe(0);
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "none" });
    await lab.wait(minuteMs);
    expect((await lab.tick()).result.rotated).toBe(1);
  });

  test("a run of its own cannot be written → reported, and continued by a later tick", async () => {
    const lab = start();
    await lab.leaveIntent();
    const { problems } = await lab.tick(on("writeBlob", runName("resume-rotation")));
    expect(problems).toEqual([expect.stringContaining("Run resume-rotation could not be written")]);
    expect(lab.regenerated()).toBe(0);
    await lab.wait(5 * minuteMs);
    await lab.tick();
    await lab.wait(60 * minuteMs);
    await lab.tick();
    expect(lab.regenerated()).toBeGreaterThan(0);
  });

  test("whether its run is there cannot be known → left, for that run may continue it", async () => {
    const lab = start();
    await lab.create("gone");
    await lab.leaveIntent();
    // The marker is not in the list: it appears after it.
    const { calls } = await lab.tick((call) =>
      call.operation === "readBlob" && call.subject === runName("gone") ? forbidden : undefined,
    );
    expect(calls.some(({ operation }) => operation === "regenerate")).toBe(false);
  });

  test("its journal names no gateway → reported, and the next journal's intent is continued", async () => {
    const lab = start();
    await lab.leaveIntent(b);
    const journal = { ...emptyJournal(a), identity: "nothing", intent: null };
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
    expect(problems).toEqual(["gateways/0.json: TypeError"]);
    expect(result.rotated).toBe(1);
  });
});
