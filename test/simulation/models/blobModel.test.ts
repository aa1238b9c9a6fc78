import { describe, expect, test } from "vitest";
import { describeBlobStore } from "../../contract/blobStore.ts";
import { createSimulatedBlobs } from "./blobModel.ts";

const clock = () => Date.UTC(2027, 1, 21, 3, 0, 0, 999);

describeBlobStore("the model of blob storage", () => ({ store: createSimulatedBlobs({ clock }), clock }));

describe("snapshots", () => {
  test("a snapshot through JSON into another model → the same blobs, etags and metadata", async () => {
    const blobs = createSimulatedBlobs({ clock });
    await blobs.write("a", "text", { kind: "absent" }, { due: "1" });
    const copy = createSimulatedBlobs({ clock, from: JSON.parse(JSON.stringify(blobs.snapshot())) });
    for (const name of ["a", "b"]) expect(await copy.read(name)).toEqual(await blobs.read(name));
    expect(await copy.list("")).toEqual(await blobs.list(""));
  });

  test("a model and its copy change → neither sees the other's change, and the snapshot stays", async () => {
    const blobs = createSimulatedBlobs({ clock });
    await blobs.write("a", "before", { kind: "absent" });
    const snapshot = blobs.snapshot();
    const copy = createSimulatedBlobs({ clock, from: snapshot });
    await blobs.remove("a");
    await copy.write("a", "after", { kind: "unchanged", etag: '"1"' });
    await copy.write("b", "new", { kind: "absent" });
    expect(await blobs.list("")).toMatchObject({ blobs: [] });
    expect(snapshot.blobs).toMatchObject([{ name: "a", text: "before" }]);
    expect(copy.snapshot().blobs).toMatchObject([
      { name: "a", text: "after" },
      { name: "b", text: "new" },
    ]);
  });

  test("blobs written in another order → a snapshot in the order of names", async () => {
    const blobs = createSimulatedBlobs({ clock });
    for (const name of ["c", "a", "b"]) await blobs.write(name, "", { kind: "absent" });
    expect(blobs.snapshot().blobs.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("a blob is written again in a copy after its removal → a new etag", async () => {
    const blobs = createSimulatedBlobs({ clock });
    const before = await blobs.write("a", "", { kind: "absent" });
    await blobs.remove("a");
    const copy = createSimulatedBlobs({ clock, from: blobs.snapshot() });
    const after = await copy.write("a", "", { kind: "absent" });
    expect(before).toMatchObject({ kind: "written", etag: '"1"' });
    expect(after).toMatchObject({ kind: "written", etag: '"2"' });
  });
});

test("two calls at the same time → they take effect in the order of the calls", async () => {
  const blobs = createSimulatedBlobs({ clock });
  const first = blobs.write("a", "first", { kind: "absent" });
  const read = blobs.read("a");
  expect(await read).toMatchObject({ kind: "found", text: "first" });
  expect(await first).toMatchObject({ kind: "written" });
});
