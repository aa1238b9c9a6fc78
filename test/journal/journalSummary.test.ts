import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { emptyJournal, type Journal, type LastFailure } from "../../src/journal/journal.ts";
import {
  dueAfter,
  hostCheckAt,
  type JournalSummary,
  summaryOf as metadataOf,
  readSummaries,
  worst,
} from "../../src/journal/journalSummary.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { openIntent, storeJournal } from "../support/journalParts.ts";

const dayMs = 86_400_000;
const clock = { now: () => 0, sleep: async () => {} };

function startStorage() {
  const blobs = createSimulatedBlobs({ clock: clock.now });
  return { blobs, clock, lastStart: 60_000, callTimeoutMs: 1000 };
}

/** The summary that one list call returns of a journal. */
async function summaryOf(of: Gateway, changes: Partial<Journal>): Promise<JournalSummary | undefined> {
  const storage = startStorage();
  await storeJournal(storage, of, changes);
  const listed = await readSummaries(storage);
  return listed.kind === "read" ? [...listed.summaries.values()][0] : undefined;
}

const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: 10 * dayMs } as const;
const failure: LastFailure = {
  at: 5,
  code: "vault-forbidden",
  effect: "unchanged",
  message: "Not 100 % of it: schlüssel.",
  nextAction: "Give it a role.",
  keyWorks: false,
  clientRequestId: "a",
};

describe("the summary of a journal", () => {
  test("never rotated → no times, and the key's state is unknown", async () => {
    expect(await summaryOf(gateway(undefined, { rotateEveryDays: 30, expireAfterDays: 90 }), {})).toEqual({
      openFor: undefined,
      rotatedAt: undefined,
      dueAt: undefined,
      expiresAt: undefined,
      secretVersion: undefined,
      keyWorks: "unknown",
      failure: undefined,
    });
  });

  test("committed → the due time, the expiry and the version", async () => {
    const of = gateway(undefined, { rotateEveryDays: 30, expireAfterDays: 90 });
    expect(await summaryOf(of, { commit })).toMatchObject({
      rotatedAt: 10 * dayMs,
      dueAt: 40 * dayMs,
      expiresAt: 100 * dayMs,
      secretVersion: "v",
      keyWorks: true,
    });
  });

  test("committed, due with every tick, without an expiry → neither due time nor expiry", async () => {
    expect(await summaryOf(gateway(), { commit })).toMatchObject({ dueAt: undefined, expiresAt: undefined });
  });

  test("a rotation is open → the run that it belongs to", async () => {
    const intent = {
      ...{ rotationId: "r", runId: "timer-1", slot: "key", reason: "due", claimedUntil: 0 },
      attempts: [{ clientRequestId: "a", at: 1, known: "open" }],
    } satisfies Journal["intent"];
    expect(await summaryOf(gateway(), { commit, intent })).toMatchObject({
      openFor: "timer-1",
      keyWorks: "unknown",
    });
  });

  test("a late write may still put a dead key over the committed version → works: unknown", async () => {
    const verification = { at: 11 * dayMs, suspect: false, mayBeOverwritten: true } as const;
    expect(await summaryOf(gateway(), { commit, verification })).toMatchObject({ keyWorks: "unknown" });
  });

  test("a late write may still replace it, and the last failure found the key dead → dead", async () => {
    const verification = { at: 11 * dayMs, suspect: false, mayBeOverwritten: true } as const;
    const summary = await summaryOf(gateway(), { commit, verification, failure });
    expect(summary).toMatchObject({ keyWorks: false });
  });

  test("the last failure found the key dead → the failure, word for word", async () => {
    expect(await summaryOf(gateway(), { commit, failure })).toMatchObject({ keyWorks: false, failure });
  });

  test.each([
    ["ASCII", "m"],
    ["of umlauts", "ü"],
    ["of Japanese characters", "鍵"],
    ["of characters outside the first plane", "🔑"],
  ])("a failure with long texts, %s → their beginnings, in less than 8 KB of metadata", async (_, letter) => {
    const of = gateway(undefined, { rotateEveryDays: 30, expireAfterDays: 90 });
    const text = letter.repeat(9000);
    const storage = startStorage();
    const seen = { status: "状".repeat(60), registeredAt: 1e12, sinceRotation: true };
    await storeJournal(storage, of, {
      commit,
      failure: { ...failure, message: text, nextAction: text, requestId: "r".repeat(100) },
      host: { checkedAt: 1e12, seen },
    });
    const listed = await storage.blobs.list("gateways/");
    const [blob] = listed.kind === "listed" ? listed.blobs : [];
    expect(
      Object.entries(blob?.metadata ?? {})
        .flat()
        .join("").length,
    ).toBeLessThan(8 * 1024);
    const summaries = await readSummaries(storage);
    const [summary] = summaries.kind === "read" ? summaries.summaries.values() : [];
    expect(summary).toMatchObject({ host: seen, failure: { code: failure.code } });
    for (const kept of [summary?.failure?.message, summary?.failure?.nextAction]) {
      expect(kept?.length).toBeGreaterThan(200);
      expect(text.startsWith(kept ?? "none")).toBe(true);
    }
  });

  test("a failure that a later version of this system wrote → left out", async () => {
    const storage = startStorage();
    const metadata = { key_works: "true", failure: encodeURIComponent('{"later":1}') };
    await storage.blobs.write("gateways/a.json", "{}", { kind: "absent" }, metadata);
    const read = await readSummaries(storage);
    expect(read.kind === "read" && read.summaries.get("gateways/a.json")).toMatchObject({
      keyWorks: true,
      failure: undefined,
    });
  });

  test("storage does not answer the list → failed", async () => {
    const problem = { code: "timed-out" as const, message: "No answer.", transient: true };
    const storage = startStorage();
    const blobs = { ...storage.blobs, list: async () => ({ kind: "failed" as const, problem }) };
    expect(await readSummaries({ ...storage, blobs })).toEqual({ kind: "failed", problem });
  });
});

test.each([
  [true, true, true],
  [true, "unknown", "unknown"],
  ["unknown", true, "unknown"],
  ["unknown", false, false],
  [false, "unknown", false],
  [false, true, false],
] as const)("of one key, one source says %s and another %s → %s", (a, b, expected) => {
  expect(worst(a, b)).toBe(expected);
});

describe("when a gateway is due", () => {
  test("rotateEveryDays is 30 → thirty days after the last rotation", () => {
    const of = gateway(undefined, { rotateEveryDays: 30 });
    expect(dueAfter(of, new Date(dayMs))).toEqual(new Date(31 * dayMs));
  });

  test("no rotateEveryDays → no date: every tick rotates it", () => {
    expect(dueAfter(gateway(), new Date(dayMs))).toBeUndefined();
  });
});

const hour = 3_600_000;
const rotated = { ...commit, at: 100 * hour };
const host = (checkedAt: number, sinceRotation?: boolean): Journal["host"] => ({
  checkedAt: checkedAt * hour,
  seen: sinceRotation === undefined ? null : { status: "Online", registeredAt: 1, sinceRotation },
});

test.each<[string, number | undefined, Partial<Journal>]>([
  ["never rotated", undefined, { commit: null }],
  ["the verification is due", 101, { verification: { at: 101 * hour, suspect: false } }],
  ["verified, and the host was not read", 100, {}],
  ["a rotation is open", undefined, { intent: openIntent }],
  ["the host has registered", undefined, { host: host(102, true) }],
  ["the host has not registered", 103, { host: host(102, false) }],
  ["the status could not be read", 103, { host: host(102) }],
  ["the last hour of two days", 148, { host: host(147, false) }],
  ["two days are over", undefined, { host: host(147.1, false) }],
])("the host, %s → one key: read at hour %s, two keys: never", (_situation, hours, terms) => {
  const journal = { ...emptyJournal(gateway()), commit: rotated, ...terms };
  expect(hostCheckAt(gateway(), journal)).toBe(hours === undefined ? undefined : hours * hour);
  expect(hostCheckAt(runtime(), journal)).toBe(undefined);
});

test("a host in a journal's metadata → reads back, whatever the characters of its status", async () => {
  const seen = { status: "Vernüpft\n✓", registeredAt: null, sinceRotation: false };
  const journal = { ...emptyJournal(gateway()), commit: rotated, host: { checkedAt: 102 * hour, seen } };
  const metadata = metadataOf(gateway(), journal);
  expect(JSON.stringify(metadata)).toMatch(/^[ -~]*$/);
  const storage = startStorage();
  await storage.blobs.write("gateways/a.json", "{}", { kind: "absent" }, metadata);
  const read = await readSummaries(storage);
  expect(read.kind === "read" && read.summaries.get("gateways/a.json")).toMatchObject({
    host: seen,
    hostCheckAt: 103 * hour,
  });
});
