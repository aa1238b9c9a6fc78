import { inspect } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import type { BlobCondition, BlobMetadata, BlobStore } from "../../src/domain/blobStore.ts";

export interface BlobStoreCase {
  /** Empty, and without its container if the implementation has containers. */
  readonly store: BlobStore;
  /** A time that the store's `now` must be close to, in milliseconds since 1970. */
  clock(): number;
}

const absent: BlobCondition = { kind: "absent" };
const unchanged = (etag: string): BlobCondition => ({ kind: "unchanged", etag });

/** Registers the tests that every `BlobStore` passes; `open` is called before each. */
export function describeBlobStore(name: string, open: () => BlobStoreCase | Promise<BlobStoreCase>): void {
  let store: BlobStore;
  let clock: () => number;

  async function put(
    blob: string,
    text: string,
    condition = absent,
    metadata?: BlobMetadata,
  ): Promise<string> {
    const outcome = await store.write(blob, text, condition, metadata);
    if (outcome.kind !== "written") throw new Error(inspect(outcome));
    return outcome.etag;
  }

  async function textOf(blob: string): Promise<string | undefined> {
    const outcome = await store.read(blob);
    if (outcome.kind === "failed") throw new Error(outcome.problem.message);
    return outcome.kind === "found" ? outcome.text : undefined;
  }

  async function listed(prefix: string) {
    const outcome = await store.list(prefix);
    if (outcome.kind !== "listed") throw new Error(outcome.problem.message);
    return outcome.blobs;
  }

  function expectServiceTime(now: number): void {
    expect(now % 1000).toBe(0);
    // The answer is whole seconds old, on a busy machine several; another unit or time zone is far from it.
    expect(Math.abs(now - clock())).toBeLessThan(60_000);
  }

  describe(`${name}, as a blob store`, () => {
    beforeEach(async () => {
      const opened = await open();
      store = opened.store;
      clock = opened.clock;
    });

    describe("an empty store", () => {
      test("read → none, with the service's time", async () => {
        const outcome = await store.read("gateways/a.json");
        expect(outcome).toEqual({ kind: "none", now: expect.any(Number) });
        if (outcome.kind === "none") expectServiceTime(outcome.now);
      });

      test("list → nothing, with the service's time", async () => {
        const outcome = await store.list("gateways/");
        expect(outcome).toEqual({ kind: "listed", blobs: [], now: expect.any(Number) });
        if (outcome.kind === "listed") expectServiceTime(outcome.now);
      });

      test("remove → no failure", async () => {
        expect(await store.remove("gateways/a.json")).toEqual({ kind: "removed" });
      });

      test("a write over a missing blob → conflict", async () => {
        expect(await store.write("gateways/a.json", "mine", unchanged('"0x1"'))).toEqual({
          kind: "conflict",
        });
      });

      test("eight writers that create one blob at once → exactly one wins", async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, (_, writer) => store.write("gateways/a.json", `${writer}`, absent)),
        );
        const kinds = outcomes.map(({ kind }) => kind);
        expect(kinds.toSorted()).toEqual([...Array(7).fill("conflict"), "written"]);
        expect(await textOf("gateways/a.json")).toBe(`${kinds.indexOf("written")}`);
      });
    });

    describe("one blob", () => {
      const blob = "gateways/0f3a.json";

      test("created → is read back, with the etag of the write and the service's time", async () => {
        const written = await store.write(blob, '{"n":1}', absent);
        if (written.kind !== "written") throw new Error(inspect(written));
        expectServiceTime(written.now);

        const read = await store.read(blob);
        expect(read).toEqual({
          kind: "found",
          text: '{"n":1}',
          etag: written.etag,
          now: expect.any(Number),
        });
        if (read.kind === "found") expectServiceTime(read.now);
      });

      test("created a second time → conflict, and the first text stays", async () => {
        await put(blob, "first");
        expect(await store.write(blob, "second", absent)).toEqual({ kind: "conflict" });
        expect(await textOf(blob)).toBe("first");
      });

      test("written over with its etag → the new text under a new etag", async () => {
        const first = await put(blob, "first");
        const second = await put(blob, "second", unchanged(first));
        expect(second).not.toBe(first);
        expect(await store.read(blob)).toMatchObject({ kind: "found", text: "second", etag: second });
      });

      test("written over with the same text → a new etag nevertheless", async () => {
        const first = await put(blob, "same");
        expect(await put(blob, "same", unchanged(first))).not.toBe(first);
      });

      test("written over with a stale etag → conflict, and the newer text stays", async () => {
        const stale = await put(blob, "first");
        await put(blob, "second", unchanged(stale));
        expect(await store.write(blob, "third", unchanged(stale))).toEqual({ kind: "conflict" });
        expect(await textOf(blob)).toBe("second");
      });

      test("eight writers with one etag at once → exactly one wins, and its text is there", async () => {
        const etag = await put(blob, "before");
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, (_, writer) => store.write(blob, `${writer}`, unchanged(etag))),
        );
        const kinds = outcomes.map(({ kind }) => kind);
        expect(kinds.toSorted()).toEqual([...Array(7).fill("conflict"), "written"]);
        expect(await textOf(blob)).toBe(`${kinds.indexOf("written")}`);
      });

      test("missing, while others exist → read finds none, and a write over it is a conflict", async () => {
        const etag = await put("gateways/other.json", "other");
        expect(await store.read(blob)).toMatchObject({ kind: "none" });
        expect(await store.write(blob, "mine", unchanged(etag))).toEqual({ kind: "conflict" });
        expect(await textOf(blob)).toBeUndefined();
      });

      test("removed → none; removed again → no failure", async () => {
        await put(blob, "text");
        expect(await store.remove(blob)).toEqual({ kind: "removed" });
        expect(await store.read(blob)).toMatchObject({ kind: "none" });
        expect(await store.remove(blob)).toEqual({ kind: "removed" });
      });

      test("removed on its etag → none; on an older one → left", async () => {
        const older = await put(blob, "1");
        const newer = await put(blob, "2", unchanged(older));
        expect(await store.remove(blob, older)).toEqual({ kind: "changed" });
        expect(await textOf(blob)).toBe("2");
        expect(await store.remove(blob, newer)).toEqual({ kind: "removed" });
        expect(await store.read(blob)).toMatchObject({ kind: "none" });
      });

      test("removed → can be created again; a write with the old etag is a conflict", async () => {
        const before = await put(blob, "before");
        await store.remove(blob);
        expect(await store.write(blob, "over", unchanged(before))).toEqual({ kind: "conflict" });
        const after = await put(blob, "after");
        expect(after).not.toBe(before);
        expect(await store.write(blob, "over", unchanged(before))).toEqual({ kind: "conflict" });
        expect(await textOf(blob)).toBe("after");
      });

      test.each([
        ["unicode", JSON.stringify({ reason: "gekündigt – 漢字 🔑", zero: "\u0000", line: "\u2028" })],
        ["line ends and white space", ' \r\n\t{"a":1}\n\n'],
        ["a hundred thousand characters", "ü".repeat(100_000)],
        ["nothing", ""],
      ])("a text of %s → survives", async (_, text) => {
        await put(blob, text);
        expect(await textOf(blob)).toBe(text);
      });
    });

    describe("metadata", () => {
      test("written → is listed as it was", async () => {
        const metadata = {
          due_at: "2027-02-21T03:00:00.000Z",
          sequence: "0042",
          open: "true",
          path: "a/b;c=d&e <f>",
        };
        await put("gateways/a.json", "text", absent, metadata);
        expect(await listed("gateways/")).toEqual([{ name: "gateways/a.json", metadata }]);
      });

      test("each write → replaces all metadata, also with none", async () => {
        const first = await put("gateways/a.json", "text", absent, { one: "1", two: "2" });
        const second = await put("gateways/a.json", "text", unchanged(first), { two: "zwei" });
        expect(await listed("")).toEqual([{ name: "gateways/a.json", metadata: { two: "zwei" } }]);
        await put("gateways/a.json", "text", unchanged(second));
        expect(await listed("")).toEqual([{ name: "gateways/a.json", metadata: {} }]);
      });

      test("a write that is a conflict → changes no metadata", async () => {
        await put("gateways/a.json", "text", absent, { one: "1" });
        await store.write("gateways/a.json", "text", absent, { one: "other" });
        expect(await listed("")).toEqual([{ name: "gateways/a.json", metadata: { one: "1" } }]);
      });
    });

    describe("an append", () => {
      const log = "runs/1.log";

      test("to a missing blob in a missing container → creates both, with the service's time", async () => {
        const appended = await store.append(log, "first\n");
        if (appended.kind !== "appended") throw new Error(inspect(appended));
        expectServiceTime(appended.now);
        expect(await textOf(log)).toBe("first\n");
      });

      test("after another append → adds to the end, not only ASCII", async () => {
        for (const text of ["first\n", "Schlüssel ✓\n", "third\n"])
          expect(await store.append(log, text)).toMatchObject({ kind: "appended" });
        expect(await textOf(log)).toBe("first\nSchlüssel ✓\nthird\n");
      });

      test("by eight writers at once → every line is there once, and whole", async () => {
        const lines = Array.from({ length: 8 }, (_, writer) => `line of writer ${writer}\n`);
        const appended = await Promise.all(lines.map((line) => store.append(log, line)));
        expect(appended.map(({ kind }) => kind)).toEqual(Array(8).fill("appended"));
        const text = (await textOf(log)) ?? "";
        expect(text.split(/(?<=\n)/).toSorted()).toEqual(lines);
      });

      test("of a megabyte → is stored completely", async () => {
        const text = "0123456789abcdef".repeat(65_536);
        expect(await store.append(log, text)).toMatchObject({ kind: "appended" });
        expect((await textOf(log))?.length).toBe(text.length);
      });

      test("in a list and a remove → as any other blob", async () => {
        await store.append(log, "line\n");
        expect((await listed("runs/")).map(({ name }) => name)).toEqual([log]);
        expect(await store.remove(log)).toEqual({ kind: "removed" });
        expect(await store.read(log)).toMatchObject({ kind: "none" });
      });
    });

    test.each([
      ["a name with a hyphen", { "due-at": "1" }],
      ["a name that begins with a digit", { "1st": "1" }],
      ["a value beyond ASCII", { reason: "gekündigt" }],
    ])("metadata with %s → refused, not transient, and nothing is written", async (_, metadata) => {
      expect(await store.write("a", "text", absent, metadata)).toMatchObject({
        kind: "refused",
        problem: { transient: false },
      });
      expect(await listed("")).toEqual([]);
    });

    describe("list", () => {
      test("thirty blobs among others → those with the prefix, each once, in the order of their names", async () => {
        const numbers = Array.from({ length: 30 }, (_, i) => i);
        const names = numbers.map((i) => `gateways/${((i * 7) % 30).toString(16)}-${i}.json`);
        const others = ["gateways", "gateway/1.json", "gateways.json", "open/gateways/1", "runs/1.json"];
        for (const name of [...names, ...others]) await put(name, name, absent, { of: name });

        const expected = names.toSorted().map((name) => ({ name, metadata: { of: name } }));
        expect(await listed("gateways/")).toEqual(expected);
        expect(await listed("gateways/1")).toEqual(expected.filter(({ name }) => name[9] === "1"));
        expect(await listed("missing/")).toEqual([]);
        expect(await listed("")).toHaveLength(35);
      });

      test("a removed blob → is not listed", async () => {
        await put("open/1", "");
        await put("open/2", "");
        await store.remove("open/1");
        expect((await listed("open/")).map(({ name }) => name)).toEqual(["open/2"]);
      });
    });
  });
}
