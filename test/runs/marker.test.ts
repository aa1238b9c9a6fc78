import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import {
  changeMarker,
  claimMarker,
  type HeldMarker,
  isDue,
  type MarkerAccess,
  markerName,
  openMarker,
  readMarker,
} from "../../src/runs/marker.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";

const storageTime = 1_000_000;
const callTimeoutMs = 1000;
const drivingMs = 4 * callTimeoutMs;
const forbidden = { code: "forbidden" as const, message: "403", transient: false };

/** Storage whose clock is 10 seconds ahead of this process's. */
function stage(alter: Partial<BlobStore> = {}) {
  const blobs = createSimulatedBlobs({ clock: () => storageTime });
  const clock = { now: () => storageTime - 10_000, sleep: async () => {} };
  return { blobs: { ...blobs, ...alter }, clock, lastStart: storageTime, callTimeoutMs };
}

function heldOf(access: MarkerAccess): HeldMarker {
  if (access.kind !== "held") throw new Error(access.kind);
  return access.held;
}

const fresh = {
  createdAt: storageTime,
  driver: "one",
  drivenUntil: storageTime + drivingMs,
  drives: 0,
  resumeAt: storageTime,
  completed: false,
};

describe("whether a listed marker is due", () => {
  test.each([
    ["0", "1000", true],
    ["1000", "0", true],
    ["1001", "0", false],
    ["0", "1001", false],
    ["1001", "1001", false],
    ["0", "0", true],
    [undefined, undefined, true],
    ["unreadable", "0", true],
    [undefined, "1001", false],
  ])("driven until %s, to be resumed at %s, now 1000 → %s", (drivenUntil, resumeAt, due) => {
    const metadata = {
      ...(drivenUntil === undefined ? {} : { driven_until: drivenUntil }),
      ...(resumeAt === undefined ? {} : { resume_at: resumeAt }),
    };
    expect(isDue(metadata, 1000)).toBe(due);
  });

  test("a claimed marker → its list entry shows until when, and after its release that it is due", async () => {
    const storage = stage();
    const held = heldOf(await openMarker(storage, "a", "one"));
    const dueAt = async (now: number) => {
      const listed = await storage.blobs.list("open/");
      return listed.kind === "listed" && listed.blobs.map(({ metadata }) => isDue(metadata, now));
    };
    expect(await dueAt(storageTime + drivingMs - 1)).toEqual([false]);
    expect(await dueAt(storageTime + drivingMs)).toEqual([true]);
    await changeMarker(storage, held, { drivenUntil: 0 });
    expect(await dueAt(storageTime)).toEqual([true]);
  });
});

describe("the marker of a new run", () => {
  test("none is there → claimed by its creator, in storage's time", async () => {
    const held = heldOf(await openMarker(stage(), "a", "one"));
    expect(held).toMatchObject({ id: "a", marker: fresh, clockOffsetMs: 10_000 });
  });

  test("one exists → overwritten", async () => {
    const storage = stage();
    await openMarker(storage, "a", "other");
    const held = heldOf(await openMarker(storage, "a", "one"));
    expect(held.marker).toEqual(fresh);
    expect(heldOf(await readMarker(storage, "a")).marker).toEqual(held.marker);
  });

  test("another runner writes it first → that one is overwritten", async () => {
    const blobs = createSimulatedBlobs({ clock: () => storageTime });
    let others = 1;
    const storage = stage({
      ...blobs,
      async write(...call) {
        if (others-- > 0) await blobs.write(markerName("a"), "{}", { kind: "absent" });
        return blobs.write(...call);
      },
    });
    expect(heldOf(await openMarker(storage, "a", "one")).marker.driver).toBe("one");
  });

  test.each(["read", "write"] as const)("storage refuses the %s → failed", async (operation) => {
    const refused = operation === "read" ? "failed" : "refused";
    const storage = stage({ [operation]: async () => ({ kind: refused, problem: forbidden }) });
    expect(await openMarker(storage, "a", "one")).toMatchObject({
      kind: "failed",
      problem: forbidden,
    });
  });
});

describe("a marker that is read", () => {
  test("none → none", async () => {
    expect(await readMarker(stage(), "a")).toEqual({ kind: "none" });
  });

  test("storage refuses → failed", async () => {
    const storage = stage({ read: async () => ({ kind: "failed", problem: forbidden }) });
    expect(await readMarker(storage, "a")).toMatchObject({ kind: "failed", problem: forbidden });
  });

  test.each(["", "null", "5", '{"drives":-1,"resumeAt":"soon"}'])(
    "its text is %j → due, and no driver holds it",
    async (text) => {
      const storage = stage();
      await storage.blobs.write(markerName("a"), text, { kind: "absent" });
      const { marker } = heldOf(await readMarker(storage, "a"));
      expect(marker).toEqual({
        ...{ createdAt: 0, driver: "", drivenUntil: 0, drives: 0 },
        ...{ resumeAt: 0, completed: false },
      });
    },
  );
});

describe("a claim", () => {
  async function opened(change = {}) {
    const storage = stage();
    const held = heldOf(await openMarker(storage, "a", "other"));
    return { storage, held: heldOf(await changeMarker(storage, held, change)) };
  }
  const claim = async ({ storage, held }: Awaited<ReturnType<typeof opened>>) =>
    claimMarker(storage, held, "one");

  test("of a released run → lasts four call time-outs, and counts one more drive", async () => {
    const { marker } = heldOf(await claim(await opened({ drivenUntil: 0, drives: 3 })));
    expect(marker).toEqual({ ...fresh, drives: 4 });
  });

  test("another driver was faster → lost", async () => {
    const run = await opened({ drivenUntil: 0 });
    await claimMarker(run.storage, run.held, "other");
    expect(await claim(run)).toEqual({ kind: "lost" });
  });
});
