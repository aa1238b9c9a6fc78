import { describe, expect, test } from "vitest";
import type { CallProblem } from "../../src/domain/attempt.ts";
import type { BlobCondition, BlobStore } from "../../src/domain/blobStore.ts";
import { readBlob, type StorageTerms, writeBlob } from "../../src/journal/conditionalWrite.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/models/blobModel.ts";

const unclear: CallProblem = { code: "timed-out", message: "No answer.", transient: true };
const throttled: CallProblem = { code: "throttled", message: "429", transient: true };
const forbidden: CallProblem = { code: "forbidden", message: "403", transient: false };
const absent: BlobCondition = { kind: "absent" };

/** What happens to one write: it takes effect and its answer is lost, or never arrives, or is refused. */
type Delivery = "answered" | "answer lost" | "never arrived" | "throttled" | "forbidden" | "conflict";

/** Storage that delivers the writes so, one after the other. It answers the later ones. */
async function stage(
  deliveries: readonly Delivery[],
  terms: { reads?: readonly CallProblem[]; lastStart?: number } = {},
) {
  let now = 0;
  const blobs = createSimulatedBlobs({ clock: () => now });
  const next = [...deliveries];
  const failedReads = [...(terms.reads ?? [])];
  const calls: string[] = [];
  const faulty: BlobStore = {
    ...blobs,
    async read(name) {
      calls.push("read");
      const problem = failedReads.shift();
      return problem === undefined ? blobs.read(name) : { kind: "failed", problem };
    },
    async write(...write) {
      calls.push("write");
      const delivery = next.shift() ?? "answered";
      if (delivery === "throttled") return { kind: "refused", problem: throttled };
      if (delivery === "conflict") return { kind: "conflict" };
      if (delivery === "forbidden") return { kind: "refused", problem: forbidden };
      const answer = delivery === "never arrived" ? undefined : await blobs.write(...write);
      return delivery === "answered" && answer !== undefined ? answer : { kind: "unclear", problem: unclear };
    },
  };
  const clock = {
    now: () => now,
    async sleep(ms: number) {
      now += ms;
    },
  };
  const storage = { blobs: faulty, clock, lastStart: terms.lastStart ?? 60_000, callTimeoutMs: 1000 };
  const textOf = async () => {
    const read = await blobs.read("a");
    return read.kind === "found" ? read.text : undefined;
  };
  return {
    blobs,
    calls,
    textOf,
    read: () => readBlob(storage, "a"),
    write: (condition: BlobCondition) => writeBlob(storage, "a", "mine", condition, { due: "1" }),
    changed: (): Promise<BlobCondition> => writtenBefore(blobs),
  };
}

/** Writes an earlier text. @returns the condition on which it can be overwritten */
async function writtenBefore(blobs: SimulatedBlobs): Promise<BlobCondition> {
  const written = await blobs.write("a", "before", absent);
  if (written.kind !== "written") throw new Error(written.kind);
  return { kind: "unchanged", etag: written.etag };
}

describe.each(["a new blob", "a blob that was read before"])("%s", (which) => {
  const conditionFor = async ({ changed }: Awaited<ReturnType<typeof stage>>) =>
    which === "a new blob" ? absent : changed();

  test.each<[string, readonly Delivery[], readonly string[]]>([
    ["the write is answered → written, with one call", [], ["write"]],
    ["its answer is lost → recognised as ours, not written again", ["answer lost"], ["write", "read"]],
    ["it never arrived → written again", ["never arrived"], ["write", "read", "write"]],
    ["it is throttled → written again", ["throttled"], ["write", "read", "write"]],
    [
      "two never arrived, and the third's answer is lost → recognised as ours",
      ["never arrived", "never arrived", "answer lost"],
      ["write", "read", "write", "read", "write", "read"],
    ],
  ])("%s", async (_, deliveries, calls) => {
    const staged = await stage(deliveries);
    const written = await staged.write(await conditionFor(staged));
    expect(written).toMatchObject({ kind: "written" });
    expect(staged.calls).toEqual(calls);
    expect(await staged.textOf()).toBe("mine");
    // The etag is the blob's: the next write on it is accepted.
    const etag = written.kind === "written" ? written.etag : "";
    expect(await staged.write({ kind: "unchanged", etag })).toMatchObject({ kind: "written" });
  });

  test.each<[string, Delivery, CallProblem]>([
    ["none of four writes arrives", "never arrived", unclear],
    ["four writes are throttled", "throttled", throttled],
  ])("%s → failed with the problem of the call, not lost", async (_, delivery, problem) => {
    const staged = await stage(Array(4).fill(delivery));
    const condition = await conditionFor(staged);
    expect(await staged.write(condition)).toEqual({ kind: "failed", problem });
    expect(staged.calls.filter((call) => call === "write")).toHaveLength(4);
  });

  test("each write conflicts, though no other writer has written → lost", async () => {
    const staged = await stage(Array(4).fill("conflict"));
    expect(await staged.write(await conditionFor(staged))).toEqual({ kind: "lost" });
  });

  test("one never arrived, and the others conflict → failed, since the first may arrive late", async () => {
    const staged = await stage(["never arrived", "conflict", "conflict", "conflict"]);
    expect(await staged.write(await conditionFor(staged))).toEqual({ kind: "failed", problem: unclear });
  });

  test("it is forbidden → failed at once, and not read", async () => {
    const staged = await stage(["forbidden"]);
    expect(await staged.write(await conditionFor(staged))).toEqual({ kind: "failed", problem: forbidden });
    expect(staged.calls).toEqual(["write"]);
  });

  test("its answer is lost, and the blob cannot be read → failed, since the text may be stored", async () => {
    const staged = await stage(["answer lost"], { reads: [forbidden] });
    expect(await staged.write(await conditionFor(staged))).toMatchObject({
      kind: "failed",
      problem: forbidden,
    });
  });

  test("its answer is lost, and the first read fails → read again, and recognised as ours", async () => {
    const staged = await stage(["answer lost"], { reads: [throttled] });
    expect(await staged.write(await conditionFor(staged))).toMatchObject({ kind: "written" });
    expect(staged.calls).toEqual(["write", "read", "read"]);
  });

  test("another writer was faster → lost, and its text stays", async () => {
    const staged = await stage([]);
    const condition = await conditionFor(staged);
    await staged.blobs.write("a", "theirs", condition);
    expect(await staged.write(condition)).toEqual({ kind: "lost" });
    expect(await staged.textOf()).toBe("theirs");
  });

  test("another writer is faster than the repeated write → lost, and its text stays", async () => {
    const staged = await stage(["never arrived"]);
    const condition = await conditionFor(staged);
    await staged.blobs.write("a", "theirs", condition);
    expect(await staged.write(condition)).toEqual({ kind: "lost" });
    expect(await staged.textOf()).toBe("theirs");
  });
});

test("the first read is throttled → the time at which the second one was sent", async () => {
  const staged = await stage([], { reads: [throttled] });
  expect(await staged.read()).toMatchObject({ kind: "none", now: 1000, sentAt: 1000 });
});

test("the blob was removed → lost, and it is not created", async () => {
  const staged = await stage([]);
  const condition = await staged.changed();
  await staged.blobs.remove("a");
  expect(await staged.write(condition)).toEqual({ kind: "lost" });
  expect(await staged.textOf()).toBeUndefined();
});

test("the metadata → written with the text", async () => {
  const staged = await stage(["never arrived"]);
  await staged.write(absent);
  expect(await staged.blobs.list("")).toMatchObject({ blobs: [{ name: "a", metadata: { due: "1" } }] });
});

const callTimeoutMs = 30_000;
const hanging = {
  code: "timed-out" as const,
  message: "Blob Storage did not answer within 30 s.",
  transient: true,
};

/** Storage in which the test answers each write; a call takes `callMs` of the held time. */
function hangingStorage(
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
      return { kind: "unclear", problem: hanging };
    },
    async read(name) {
      calls.push(`read ${now / 1000}`);
      now += callMs;
      return callMs === callTimeoutMs ? { kind: "failed", problem: hanging } : stored.read(name);
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

describe("a conditional write while storage hangs", () => {
  test("begun before the deadline → no call begins after it", async () => {
    const { storage, calls } = hangingStorage(async () => {}, { callMs: callTimeoutMs, lastStart: 100_000 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({
      kind: "failed",
      problem: hanging,
    });
    expect(calls).toEqual(["write 0", "read 30", "read 61", "read 93"]);
  });

  test("begun at the deadline → one call", async () => {
    const { storage, calls } = hangingStorage(async () => {}, { callMs: callTimeoutMs, lastStart: 0 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({
      kind: "failed",
      problem: hanging,
    });
    expect(calls).toEqual(["write 0"]);
  });

  test("begun at the deadline, and its answer is lost at once → settled by a read", async () => {
    const { storage, calls } = hangingStorage(async (arrives) => void (await arrives()), { lastStart: 0 });
    expect(await writeBlob(storage, "a", "ours", { kind: "absent" })).toMatchObject({ kind: "written" });
    expect(calls).toEqual(["write 0", "read 0"]);
  });

  test("another writer was faster, and the deadline passes meanwhile → lost", async () => {
    const { storage, stored } = hangingStorage(async () => {}, { callMs: 1000, lastStart: 0 });
    const slow: BlobStore = {
      ...storage.blobs,
      async write(...call) {
        await storage.clock.sleep(callTimeoutMs);
        return stored.write(...call);
      },
    };
    await stored.write("a", "theirs", { kind: "absent" });
    expect(await writeBlob({ ...storage, blobs: slow }, "a", "ours", { kind: "absent" })).toEqual({
      kind: "lost",
    });
  });
});
