import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { readSummaries } from "../../src/journal/journalSummary.ts";
import { backlogOf, readGatewayStates } from "../../src/runs/gatewayStates.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { anotherTarget, gateway } from "../support/gateways.ts";
import { lastFailure, openIntent, storeJournal } from "../support/journalParts.ts";

const dayMs = 86_400_000;
const now = 100 * dayMs;
const clock = { now: () => now, sleep: async () => {} };
const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: now } as const;
const rotatedBefore = (days: number): Partial<Journal> => ({ commit: { ...commit, at: now - days * dayMs } });
const named = (name: string, terms: Partial<Gateway> = {}) =>
  gateway(undefined, { name, target: anotherTarget(name), rotateEveryDays: 30, ...terms });
/** A schedule that ticks so many days after the rotation; undefined: never. */
const tickAfter = (days: number | undefined) => (_: Gateway, rotatedAt: number | undefined) =>
  days === undefined ? undefined : new Date((rotatedAt ?? now) + days * dayMs);

type Stored = readonly (readonly [Gateway, Partial<Journal>])[];

async function storageWith(...journals: Stored) {
  const blobs = createSimulatedBlobs({ clock: clock.now });
  const storage = { blobs, clock, lastStart: now, callTimeoutMs: 1000 };
  for (const [of, changes] of journals) await storeJournal(storage, of, changes);
  return storage;
}

describe("the state of a gateway", () => {
  test.each<[string, Partial<Journal> | undefined, number | undefined, string]>([
    ["it has no journal", undefined, 30, "never-rotated"],
    ["its journal is empty", {}, 30, "never-rotated"],
    [
      "its last rotation failed, and it is open",
      { intent: openIntent, failure: lastFailure, ...rotatedBefore(1) },
      30,
      "failed",
    ],
    ["a rotation is open", { intent: openIntent, ...rotatedBefore(40) }, 30, "rotating"],
    ["it is not due", rotatedBefore(29), 30, "rotated"],
    ["it is past due, and a tick should have rotated it", rotatedBefore(31), 30, "overdue"],
    ["it is past due, and the next tick is to come", rotatedBefore(31), 32, "rotated"],
    ["it is past due, and the next tick is now", rotatedBefore(31), 31, "rotated"],
    ["it is past due, and no tick is in its window", rotatedBefore(31), undefined, "rotated"],
  ])("%s → $3", async (_, journal, tickDays, state) => {
    const of = named("a");
    const storage = await storageWith(...(journal === undefined ? [] : [[of, journal] as const]));
    const read = await readGatewayStates(storage, [of], tickAfter(tickDays));
    expect(read).toMatchObject({ kind: "read", states: [{ gateway: { name: "a" }, state }] });
  });

  test("storage does not answer → failed", async () => {
    const problem = { code: "timed-out" as const, message: "No answer.", transient: true };
    const storage = await storageWith();
    const blobs = { ...storage.blobs, list: async () => ({ kind: "failed" as const, problem }) };
    expect(await readGatewayStates({ ...storage, blobs }, [named("a")], tickAfter(30))).toEqual({
      kind: "failed",
      problem,
    });
  });
});

describe("the backlog", () => {
  const never = named("never");
  const fresh = named("fresh", { expireAfterDays: 90 });
  const late = named("late", { expireAfterDays: 60 });
  const open = named("open");

  const journals = [
    [fresh, rotatedBefore(1)],
    [late, rotatedBefore(31)],
    [open, { intent: openIntent, ...rotatedBefore(1) }],
  ] as const;

  async function backlog(
    configured: readonly Gateway[] | undefined,
    tickDays = 30,
    stored: Stored = journals,
  ) {
    const storage = await storageWith(...stored);
    const read = await readSummaries(storage);
    if (read.kind !== "read") throw new Error(read.kind);
    return backlogOf(read, configured, tickAfter(tickDays));
  }

  test("gateways are configured → those without a journal are overdue, and the first expiry counts", async () => {
    expect(await backlog([never, fresh, late])).toEqual({
      gateways: 3,
      overdue: 2,
      unfinished: 1,
      earliestExpiry: new Date(now + 29 * dayMs),
    });
  });

  test("a gateway that is past due waits for its tick → not overdue", async () => {
    expect(await backlog([late], 32)).toMatchObject({ overdue: 0 });
  });

  test("no version expires → no first expiry", async () => {
    expect(await backlog([never, open])).toMatchObject({ overdue: 1, earliestExpiry: undefined });
  });

  test("the configuration is broken → every journal counts", async () => {
    expect(await backlog(undefined)).toEqual({
      gateways: 3,
      overdue: 1,
      unfinished: 1,
      earliestExpiry: new Date(now + 29 * dayMs),
    });
  });

  test.each([
    [now + 1, 0],
    [now, 0],
    [now - 1, 1],
    [undefined, 0],
  ])("the configuration is broken, and a gateway was due at %s → %s overdue", async (dueAt, overdue) => {
    const read = await readSummaries(await storageWith([fresh, rotatedBefore(1)]));
    if (read.kind !== "read") throw new Error(read.kind);
    const summaries = new Map([...read.summaries].map(([name, each]) => [name, { ...each, dueAt }]));
    expect(backlogOf({ ...read, summaries }, undefined, tickAfter(30))).toMatchObject({ overdue });
  });

  test("the configuration is broken, and a first rotation is open → overdue", async () => {
    expect(await backlog(undefined, 30, [[never, { intent: openIntent }]])).toMatchObject({
      gateways: 1,
      overdue: 1,
    });
  });
});
