import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { emptyJournal, type Journal, journalName } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { runName } from "../../src/runs/document.ts";
import { logName } from "../../src/runs/log.ts";
import { changeMarker, type Marker, markerName, openMarker, readMarker } from "../../src/runs/marker.ts";
import { notBegun } from "../../src/runs/progress.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { createRun } from "../../src/runs/runs.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import type { Call } from "../simulation/models/call.ts";
import { anotherTarget, gateway } from "../support/gateways.ts";
import { type Deliver, minuteMs, on, startStoredRuns } from "./storedRuns.ts";

const named = (name: string) =>
  gateway(undefined, {
    name,
    target: anotherTarget(name),
    secret: { ...gateway().secret, secretName: name },
    rotateEveryDays: 30,
  });
const a = named("a");
const b = named("b");

const lists = ["listBlobs open/", "listBlobs gateways/"];
const isVault = ({ service }: Call) => service === "Key Vault";

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
    /** The marker as another driver changes it. */
    async editMarker(id: string, edit: (now: number) => Partial<Marker>) {
      const { storage } = invocation();
      const read = await readMarker(storage, id);
      if (read.kind !== "held") throw new Error(read.kind);
      await changeMarker(storage, read.held, edit(clock.now()));
    },
    /** @param change `sinceList`: what other runners do after the first list of this prefix */
    async tick(
      deliver?: Deliver,
      change: { offMs?: number; leftMs?: number; sinceList?: [string, () => Promise<unknown>] } = {},
    ) {
      const { services, storage, terms, calls } = invocation(deliver, change.offMs);
      const deadline = change.leftMs === undefined ? terms.deadline : services.clock.now() + change.leftMs;
      let [prefix, work] = change.sinceList ?? [];
      const blobs: BlobStore = {
        ...storage.blobs,
        async list(listed) {
          const answer = await storage.blobs.list(listed);
          if (listed !== prefix) return answer;
          prefix = undefined;
          await work?.();
          return answer;
        },
      };
      const resumed = await clock.run(
        resumeRuns(services, { ...storage, blobs }, { ...terms, deadline }, [a, b]),
      );
      return { ...resumed, calls: calls.map(({ operation, subject }) => `${operation} ${subject}`) };
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
  test.each<[string, (now: number) => Partial<Marker>]>([
    ["claimed", (now) => ({ driver: "other", drivenUntil: now + minuteMs })],
    ["driven, and released until later", (now) => ({ drives: 1, resumeAt: now + minuteMs })],
  ])("its marker was %s since the list → left to that driver, without a problem", async (_, edit) => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    const { problems, calls } = await lab.tick(undefined, {
      sinceList: ["open/", () => lab.editMarker("run", edit)],
    });
    expect(problems).toEqual([]);
    expect(calls).toEqual([lists[0], `readBlob ${markerName("run")}`, lists[1]]);
  });

  test("its gateway must wait → meanwhile a tick lists, and reads that the run continues it", async () => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    const driven = await lab.tick(({ operation }) =>
      operation === "regenerate" ? { kind: "lostBefore" } : undefined,
    );
    expect(driven.calls.at(-1)).toBe(lists[1]);
    const reads = [runName, logName].map((name) => `readBlob ${name("run")}`);
    expect((await lab.tick()).calls).toEqual([...lists, ...reads]);
  });

  test("it is due later → continued at that moment, not before", async () => {
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
    "this machine's clock is %i minutes off → claims end by storage's clock",
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

  test.each([-60, 60])(
    "a marker without a document, our clock is %i minutes off → removed once stale by storage's clock",
    async (minutes) => {
      const lab = start();
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

  test("no time is left for a rotation → none is read, and the next tick continues them", async () => {
    const lab = start();
    await lab.create("run");
    await lab.leaveIntent(b);
    await lab.wait(5 * minuteMs);
    const { calls } = await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs - 1 });
    expect(calls.filter((call) => !call.startsWith("listBlobs"))).toEqual([]);
    expect(
      (await lab.tick(undefined, { leftMs: callsOfRotation * callTimeoutMs })).calls.length,
    ).toBeGreaterThan(3);
  });
});

describe("an open run is done with one gateway, and waits for another", () => {
  async function waiting() {
    const lab = start();
    await lab.create("run", [a, b]);
    const document = await lab.blobs().read(runName("run"));
    const { createdAt } = JSON.parse(document.kind === "found" ? document.text : "");
    const done = { ...notBegun(createdAt), state: "done" };
    const line = { run: createdAt, gateway: "a", driver: "one", when: createdAt, ...done };
    await lab.blobs().append(logName("run"), JSON.stringify(line));
    await lab.editMarker("run", (now) => ({ drivenUntil: 0, resumeAt: now + 24 * 60 * minuteMs }));
    return lab;
  }

  test("an overtaken driver left an intent of the first → continued by a run of its own", async () => {
    const lab = await waiting();
    await lab.leaveIntent(a, { runId: "run" });
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 1 } });
  });

  test("an overtaken driver left a suspect commit of the first → replaced by a run of its own, when it is due", async () => {
    const lab = await waiting();
    await lab.leaveIntent(a, { runId: "run" });
    await lab.tick();
    for (const name of [markerName, runName, logName]) await lab.blobs().remove(name("resume-rotation"));
    expect((await lab.tick()).calls).toEqual(lists);
    await lab.wait(60 * minuteMs);
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 1 } });
  });

  test("an intent of the second is open → left to the run", async () => {
    const lab = await waiting();
    await lab.leaveIntent(b, { runId: "run" });
    expect(await lab.tick()).toMatchObject({ problems: [], result: { rotated: 0 } });
    expect(lab.regenerated()).toBe(0);
  });

  test("a driver holds the run → its intents are left to that driver, and the run is not read", async () => {
    const lab = await waiting();
    await lab.editMarker("run", (now) => ({ drivenUntil: now + minuteMs }));
    await lab.leaveIntent(a, { runId: "run" });
    expect((await lab.tick()).calls).toEqual(lists);
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

  test("its journal is not valid by now → reported, and not changed", async () => {
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
    expect(calls).toEqual([...lists, `readBlob ${journalName(a)}`]);
  });

  test("another runner has claimed it since the list → nothing is done", async () => {
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

  test.each<[string, Deliver | undefined]>([
    ["its run appears after the list of runs", undefined],
    ["whether its run is there cannot be known", on("readBlob", runName("gone"))],
  ])("%s → not given another run, since its own may continue it", async (_, deliver) => {
    const lab = start();
    await lab.leaveIntent();
    const { storage } = lab.invocation();
    const appears = () => createRun(storage, runNamed("gone"), () => [a]);
    const { problems } = await lab.tick(deliver, { sinceList: ["open/", appears] });
    expect(problems).toEqual([]);
    expect(await lab.blobs().read(runName("resume-rotation"))).toMatchObject({ kind: "none" });
    expect(lab.regenerated()).toBe(0);
  });

  test("the vault is down, so its own run waits → meanwhile a tick only reads the journal", async () => {
    const lab = start();
    await lab.leaveIntent();
    await lab.tick((call) => (isVault(call) ? { kind: "refused", code: "unreachable" } : undefined));
    expect((await lab.tick()).calls).toEqual([...lists, `readBlob ${journalName(a)}`]);
    await lab.wait(5 * minuteMs);
    expect((await lab.tick()).result.rotated).toBe(1);
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
    expect(problems).toEqual([expect.stringContaining("does not understand the blob gateways/0.json")]);
    expect(result.rotated).toBe(1);
  });
});

describe("a verification without its run", () => {
  /** A gateway was rotated by a run, which was deleted by hand before its verification. */
  async function rotated() {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    await lab.tick();
    for (const name of [runName("run"), markerName("run")]) await lab.blobs().remove(name);
    return lab;
  }
  type Tick = Awaited<ReturnType<ReturnType<typeof start>["tick"]>>;
  const verifyAt = ({ journals }: Tick) =>
    journals.kind === "read" ? journals.summaries.get(journalName(a))?.verifyAt : journals.kind;

  test("when it is due, not before → a run of its own does it, and rotates nothing", async () => {
    const lab = await rotated();
    expect((await lab.tick()).calls).toEqual(lists);
    await lab.wait(40 * minuteMs);
    const tick = await lab.tick();
    expect(tick).toMatchObject({ problems: [], result: { rotated: 0, failed: [] } });
    expect(verifyAt(tick)).toBeUndefined();
    expect(lab.regenerated()).toBe(1);
    await lab.wait(40 * minuteMs);
    expect((await lab.tick()).calls).toEqual(lists);
  });

  test("its journal was rebuilt, and names no run → left to the run that rebuilt it, or to the next one", async () => {
    const lab = await rotated();
    await lab.editJournal(a, (journal) => ({ ...journal, slots: {} }));
    await lab.wait(40 * minuteMs);
    expect((await lab.tick()).calls).toEqual(lists);
    await lab.create("next");
    await lab.wait(5 * minuteMs);
    expect(verifyAt(await lab.tick())).toBeUndefined();
    expect(lab.regenerated()).toBe(1);
  });

  test("its gateway was rotated again since the list → left until the new verification is due", async () => {
    const lab = await rotated();
    await lab.wait(40 * minuteMs);
    const verification = { at: lab.clock.now() + minuteMs, suspect: false };
    const edit = () => lab.editJournal(a, (journal) => ({ ...journal, verification }));
    const { calls } = await lab.tick(undefined, { sinceList: ["gateways/", edit] });
    expect(calls).toEqual([...lists, `readBlob ${journalName(a)}`]);
  });

  test("another driver holds its run → left to that driver", async () => {
    const lab = start();
    await lab.create("run");
    await lab.wait(5 * minuteMs);
    await lab.tick();
    await lab.wait(40 * minuteMs);
    await lab.editMarker("run", (now) => ({ drivenUntil: now + minuteMs }));
    expect((await lab.tick()).calls).toEqual(lists);
  });
});
