import { describe, expect, test } from "vitest";
import { emptyJournal, journalName } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { gateway, runtime } from "../support/gateways.ts";

const of = gateway();
const storageTime = 1_000_000;

/** Storage whose clock is 10 seconds ahead of this process's, which stalls for `stallMs` after each call. */
function stage(stallMs = 0) {
  let now = storageTime - 10_000;
  const stored = createSimulatedBlobs({ clock: () => storageTime });
  const stalling = async <T>(call: Promise<T>): Promise<T> => {
    const answer = await call;
    now += stallMs;
    return answer;
  };
  const blobs = {
    ...stored,
    read: (name: string) => stalling(stored.read(name)),
    write: (...call: Parameters<typeof stored.write>) => stalling(stored.write(...call)),
  };
  const storage = {
    ...{ blobs, lastStart: storageTime, callTimeoutMs: 1000 },
    clock: { now: () => now, sleep: async () => {} },
  };
  return { stored, storage, journals: createJournals(storage) };
}

describe("a gateway's journal", () => {
  test("no journal → an empty one can be written, and is read again", async () => {
    const { journals } = stage();
    const read = await journals.read(of);
    if (read.kind !== "read") throw new Error(read.kind);
    expect(read.held).toMatchObject({ journal: emptyJournal(of), condition: { kind: "absent" } });
    expect(await journals.write(of, read.held, emptyJournal(of))).toMatchObject({ kind: "written" });
    expect(await journals.read(of)).toMatchObject({ held: { journal: emptyJournal(of) } });
    expect(await journals.write(of, read.held, { ...emptyJournal(of), failure: null })).toMatchObject({
      kind: "written",
    });
    const other = { ...emptyJournal(of), secretName: "other" };
    expect(await journals.write(of, read.held, other)).toEqual({ kind: "lost" });
  });

  test("storage's clock is ahead, and the process stalls → the lowest and the highest difference", async () => {
    const { journals } = stage(3000);
    const read = await journals.read(of);
    // Storage's clock has whole seconds: it may be a second later than its answer shows.
    expect(read).toMatchObject({ held: { clockOffsetMs: 7000, latestOffsetMs: 11_000 } });
    if (read.kind !== "read") throw new Error(read.kind);
    const written = await journals.write(of, read.held, emptyJournal(of));
    expect(written).toMatchObject({ held: { clockOffsetMs: 4000, latestOffsetMs: 8000 } });
  });

  test("another gateway's journal is under its name → unreadable, and why", async () => {
    const { journals, stored } = stage();
    await stored.write(journalName(of), JSON.stringify(emptyJournal(runtime())), { kind: "absent" });
    expect(await journals.read(of)).toEqual({
      kind: "unreadable",
      problem: `${journalName(of)}: it belongs to ${runtime().target.identity}.`,
    });
  });

  test("storage refuses → failed", async () => {
    const { storage } = stage();
    const problem = { code: "forbidden" as const, message: "403", transient: false };
    const blobs = { ...storage.blobs, read: async () => ({ kind: "failed" as const, problem }) };
    expect(await createJournals({ ...storage, blobs }).read(of)).toMatchObject({ kind: "failed", problem });
  });
});
