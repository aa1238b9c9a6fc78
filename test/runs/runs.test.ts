import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { runName } from "../../src/runs/document.ts";
import { type FoldedLog, logName } from "../../src/runs/log.ts";
import { markerName, readMarker } from "../../src/runs/marker.ts";
import { notBegun, type Progress } from "../../src/runs/progress.ts";
import { createRun, isEnded, isSettled, isWaitingForRoles, readRun } from "../../src/runs/runs.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { gateway, namedGateway } from "../support/gateways.ts";

test("a marker exists without its run → the run gets storage's time, not this machine's", async () => {
  const hourMs = 3_600_000;
  const storageTime = Date.parse("2026-11-23T03:00:00Z");
  const blobs = createSimulatedBlobs({ clock: () => storageTime });
  const clock = { now: () => storageTime - hourMs, sleep: async () => {} };
  await blobs.write(markerName("a"), "{}", { kind: "absent" });
  const storage = { blobs, clock, lastStart: storageTime, callTimeoutMs };
  expect(await createRun(storage, runNamed("a"), () => [gateway()])).toMatchObject({
    kind: "created",
    run: { document: { createdAt: storageTime } },
  });
});

const storageTime = Date.parse("2026-11-23T03:00:00Z");
const forbidden = { code: "forbidden" as const, message: "403", transient: false };
const of = gateway();

/** Storage that refuses the calls that a test chooses. */
function stage(refused: (operation: "read" | "write", name: string) => boolean = () => false) {
  const stored = createSimulatedBlobs({ clock: () => storageTime });
  const blobs: BlobStore = {
    ...stored,
    read: async (name) =>
      refused("read", name) ? { kind: "failed", problem: forbidden } : stored.read(name),
    write: async (name, ...rest) =>
      refused("write", name) ? { kind: "refused", problem: forbidden } : stored.write(name, ...rest),
  };
  const clock = { now: () => storageTime, sleep: async () => {} };
  return { blobs, stored, clock, lastStart: storageTime, callTimeoutMs };
}
const create = (storage: ReturnType<typeof stage>, driver = "one") =>
  createRun(storage, { ...runNamed("a"), driver }, () => [of]);
const lineOf = (state: "open" | "unverified" | "done") =>
  JSON.stringify({
    ...{ run: storageTime, gateway: of.name, driver: "one", when: storageTime, state, at: storageTime },
    ...{ sequence: 0, outcome: null, keyWorks: true, isAtRisk: false, versions: [] },
  });

describe("a run is created", () => {
  test("request and secret have fields that no document has → the stored run can be read", async () => {
    const storage = stage();
    const run = { ...runNamed("a"), session: "1" };
    const other = { ...of, secret: { ...of.secret, note: "2" } };
    await createRun(storage, run, () => [other]);
    expect(await readRun(storage, "a")).toMatchObject({
      kind: "found",
      run: { gateways: [{ name: of.name }] },
    });
  });

  test("it is new → a marker and a document, and its creator drives it", async () => {
    const storage = stage();
    const created = await create(storage);
    expect(created).toMatchObject({
      kind: "created",
      run: { document: { id: "a", createdBy: "one" }, gateways: [{ name: of.name, state: "open" }] },
      held: { marker: { driver: "one" } },
    });
    expect(await readMarker(storage, "a")).toMatchObject({ kind: "held" });
    expect(await readRun(storage, "a")).toMatchObject({ kind: "found", run: { document: { id: "a" } } });
  });

  test("it exists already → found unchanged, and its marker stays", async () => {
    const storage = stage();
    await create(storage);
    expect(await create(storage, "two")).toMatchObject({
      kind: "found",
      run: { document: { createdBy: "one" } },
    });
    expect(await readMarker(storage, "a")).toMatchObject({ held: { marker: { driver: "one" } } });
  });

  test.each([
    ["open", "held"],
    ["unverified", "held"],
    ["done", "none"],
  ] as const)("it is there without a marker, and its gateway is %s → its marker: %s", async (state, kind) => {
    const storage = stage();
    await create(storage);
    await storage.stored.append(logName("a"), lineOf(state));
    await storage.stored.remove(markerName("a"));
    expect(await create(storage, "two")).toMatchObject({ kind: "found" });
    expect(await readMarker(storage, "a")).toMatchObject({ kind });
  });

  test("another creator writes its document first → that document is found", async () => {
    const storage = stage();
    const other = stage();
    await create(other, "two");
    const theirs = await other.stored.read(runName("a"));
    const text = theirs.kind === "found" ? theirs.text : "";
    const racing: BlobStore = {
      ...storage.blobs,
      async write(name, ...rest) {
        if (name === runName("a")) await storage.stored.write(name, text, { kind: "absent" });
        return storage.stored.write(name, ...rest);
      },
    };
    expect(await create({ ...storage, blobs: racing })).toMatchObject({
      kind: "found",
      run: { document: { createdBy: "two" } },
    });
  });

  test("its document is not valid → unreadable, and not changed", async () => {
    const storage = stage();
    await storage.stored.write(runName("a"), '{"schema":2}', { kind: "absent" });
    expect(await create(storage)).toEqual({ kind: "unreadable", blob: runName("a") });
    expect(await readMarker(storage, "a")).toEqual({ kind: "none" });
  });

  test("its document names no gateway → unreadable", async () => {
    const storage = stage();
    await create(storage);
    const read = await storage.stored.read(runName("a"));
    if (read.kind !== "found") throw new Error(read.kind);
    const text = read.text.replace(of.target.resourceId, "/subscriptions/s");
    await storage.stored.write(runName("a"), text, { kind: "unchanged", etag: read.etag });
    expect(await readRun(storage, "a")).toEqual({ kind: "unreadable", blob: runName("a") });
  });

  test.each([
    ["its document cannot be read", "read", runName("a"), false],
    ["its marker cannot be read", "read", markerName("a"), false],
    ["its marker cannot be written", "write", markerName("a"), false],
    ["its document cannot be written", "write", runName("a"), true],
  ] as const)("%s → failed; it may exist: $3", async (_, operation, name, mayExist) => {
    const storage = stage((...call) => call[0] === operation && call[1] === name);
    expect(await create(storage)).toMatchObject({ kind: "failed", problem: forbidden, mayExist });
  });

  test.each(["read", "write"] as const)(
    "it exists, and storage refuses the %s of its missing marker → failed; it may exist",
    async (operation) => {
      let refuses = false;
      const storage = stage((op, name) => refuses && op === operation && name === markerName("a"));
      await create(storage);
      await storage.stored.remove(markerName("a"));
      refuses = true;
      expect(await create(storage)).toMatchObject({ kind: "failed", problem: forbidden, mayExist: true });
    },
  );

  test("its log cannot be read → failed", async () => {
    let refuses = false;
    const storage = stage((_, name) => refuses && name === logName("a"));
    await create(storage);
    refuses = true;
    expect(await readRun(storage, "a")).toMatchObject({ kind: "failed", problem: forbidden });
  });

  test("a run of ten thousand gateways → its document is written once, in one call, below 7 MB", async () => {
    const storage = stage();
    const many = Array.from({ length: 10_000 }, (_, i) => namedGateway(`gateway-${i}`));
    const sizes: number[] = [];
    const blobs: BlobStore = {
      ...storage.blobs,
      write(name, text, ...rest) {
        if (name === runName("a")) sizes.push(text.length);
        return storage.blobs.write(name, text, ...rest);
      },
    };
    expect(await createRun({ ...storage, blobs }, runNamed("a"), () => many)).toMatchObject({
      kind: "created",
    });
    expect(sizes).toHaveLength(1);
    expect(sizes[0]).toBeLessThan(7_000_000);
  });
});

describe("how far a run is", () => {
  const refused = { kind: "failed", code: "c", message: "m", effect: "unchanged", nextAction: "n" } as const;
  const one = (
    state: Progress["state"],
    outcome: Progress["outcome"] = null,
  ): FoldedLog["gateways"][number] => ({
    ...notBegun(0),
    ...{ name: "g", resourceId: "r", vaultUrl: "v", secretName: "s" },
    state,
    outcome,
  });
  const since = { ...refused, refusedSince: 1 };
  const waiting = one("open", { ...since, refusedByRole: true });

  test.each<[string, readonly FoldedLog["gateways"][number][], boolean, boolean, boolean]>([
    ["one open", [one("open")], false, false, false],
    ["one open, one done", [one("open"), one("done")], false, false, false],
    ["one unverified, one done", [one("unverified"), one("done")], true, true, false],
    ["all done", [one("done"), one("done")], true, true, true],
    ["one refused by role, one done", [waiting, one("done")], false, true, false],
    ["one refused by role, one open", [waiting, one("open")], false, false, false],
    ["one that failed otherwise", [one("open", refused)], false, false, false],
    ["one refused by role, and since then otherwise", [one("open", since)], false, false, false],
  ])("%s → settled, waiting for roles alone, ended", (_, gateways, settled, waits, ended) => {
    const run = { gateways, unreadable: 0 };
    expect([isSettled(run), isWaitingForRoles(run), isEnded(run)]).toEqual([settled, waits, ended]);
  });
});
