import { expect, test } from "vitest";
import { emptyJournal, type Journal } from "../../src/journal/journal.ts";
import { hostCheckAt, readSummaries, summaryOf } from "../../src/journal/journalSummary.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { openIntent } from "../support/journalParts.ts";

const hour = 3_600_000;
const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: 100 * hour } as const;
const verification = { at: 101 * hour, suspect: false };
const host = (checkedAt: number, sinceRotation?: boolean): Journal["host"] => ({
  checkedAt: checkedAt * hour,
  seen: sinceRotation === undefined ? null : { status: "Online", registeredAt: 1, sinceRotation },
});

test.each<[string, number | undefined, Partial<Journal>]>([
  ["never rotated", undefined, { commit: null }],
  ["the verification is due", 101, { verification }],
  ["verified, and the host was not read", 100, {}],
  ["a rotation is open", undefined, { intent: openIntent }],
  ["the host has registered", undefined, { host: host(102, true) }],
  ["the host has not registered", 103, { host: host(102, false) }],
  ["the status could not be read", 103, { host: host(102) }],
  ["the last hour of two days", 148, { host: host(147, false) }],
  ["two days are over", undefined, { host: host(147.1, false) }],
])("%s → one key: read at hour %s, two keys: never", (_situation, hours, terms) => {
  const journal = { ...emptyJournal(gateway()), commit, ...terms };
  expect(hostCheckAt(gateway(), journal)).toBe(hours === undefined ? undefined : hours * hour);
  expect(hostCheckAt(runtime(), journal)).toBe(undefined);
});

test("a host in a journal's metadata → reads back, whatever the characters of its status", async () => {
  const seen = { status: "Vernüpft\n✓", registeredAt: null, sinceRotation: false };
  const journal = { ...emptyJournal(gateway()), commit, host: { checkedAt: 102 * hour, seen } };
  const metadata = summaryOf(gateway(), journal);
  expect(JSON.stringify(metadata)).toMatch(/^[ -~]*$/);
  const blobs = createSimulatedBlobs({ clock: () => 0 });
  await blobs.write("gateways/a.json", "{}", { kind: "absent" }, metadata);
  const clock = { now: () => 0, sleep: async () => {} };
  const read = await readSummaries({ blobs, clock, lastStart: 0, callTimeoutMs: 1 });
  expect(read.kind === "read" && read.summaries.get("gateways/a.json")).toMatchObject({
    host: seen,
    hostCheckAt: 103 * hour,
  });
});
