import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { type StorageTerms, writeBlob } from "../../src/journal/conditionalWrite.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";

const callTimeoutMs = 30_000;
const problem = { code: "timed-out", message: "Blob Storage did not answer within 30 s.", transient: true };

/** Storage of which a test answers each write; a call takes `callMs` of the held time. */
function storageWith(
  write: (arrives: () => Promise<unknown>) => Promise<void>,
  terms: { callMs?: number; lastStart?: number } = {},
) {
  const { callMs = 0, lastStart = Number.POSITIVE_INFINITY } = terms;
  let now = 0;
  const stored = createSimulatedBlobs({ clock: () => now });
  const calls: string[] = [];
  const blobs: BlobStore = {
    ...stored,
    async write(...call) {
      calls.push(`write ${now / 1000}`);
      now += callMs;
      await write(() => stored.write(...call));
      return { kind: "unclear", problem };
    },
    async read(name) {
      calls.push(`read ${now / 1000}`);
      now += callMs;
      return callMs === callTimeoutMs ? { kind: "failed", problem } : stored.read(name);
    },
  };
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const storage: StorageTerms = { blobs, clock, lastStart, callTimeoutMs };
  return { storage, calls, stored };
}

describe("a conditional write whose answer is lost", () => {
  test("it took effect → written, by one write and one read", async () => {
    const { storage, calls } = storageWith(async (arrives) => void (await arrives()));
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({ kind: "written" });
    expect(calls).toHaveLength(2);
  });

  test("it never arrived → written by the second write", async () => {
    let writes = 0;
    const { storage, stored } = storageWith(async (arrives) => {
      writes += 1;
      if (writes === 2) await arrives();
    });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({ kind: "written" });
    expect(writes).toBe(2);
    expect(await stored.read("a")).toMatchObject({ text: "ours" });
  });

  test("none of four arrives → failed, with the problem of the last", async () => {
    let writes = 0;
    const { storage } = storageWith(async () => {
      writes += 1;
    });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toEqual({ kind: "failed", problem });
    expect(writes).toBe(4);
  });

  test("another writer was faster → lost, and its text stays", async () => {
    const { storage, stored } = storageWith(
      async () => void (await stored.write("a", "theirs", { kind: "absent" })),
    );
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toEqual({ kind: "lost" });
    expect(await stored.read("a")).toMatchObject({ text: "theirs" });
  });
});

describe("a conditional write while storage hangs", () => {
  test("begun before the deadline → no call begins after it", async () => {
    const { storage, calls } = storageWith(async () => {}, { callMs: callTimeoutMs, lastStart: 100_000 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({
      kind: "failed",
      problem,
    });
    expect(calls).toEqual(["write 0", "read 30", "read 61", "read 93"]);
  });

  test("begun at the deadline → one call and no other", async () => {
    const { storage, calls } = storageWith(async () => {}, { callMs: callTimeoutMs, lastStart: 0 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({
      kind: "failed",
      problem,
    });
    expect(calls).toEqual(["write 0"]);
  });

  test("begun at the deadline, and its answer is lost at once → settled by a read", async () => {
    const { storage, calls } = storageWith(async (arrives) => void (await arrives()), { lastStart: 0 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({ kind: "written" });
    expect(calls).toEqual(["write 0", "read 0"]);
  });
});
