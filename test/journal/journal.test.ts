import { describe, expect, test } from "vitest";
import { emptyJournal, journalName, lastAttempt, parseJournal } from "../../src/journal/journal.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lastFailure } from "../support/journalParts.ts";

test.each([
  ["", "it is not JSON"],
  ["[]", ": Invalid input: expected object, received array"],
  ['{"schema":1,"identity":5}', "identity: Invalid input: expected string, received number"],
])("the unreadable journal %j → the place, and what was expected there", (text, problem) => {
  expect(parseJournal(text, "target")).toEqual({ kind: "unreadable", problem });
});

test("a gateway → the name of its journal, which no later version changes", () => {
  expect(journalName(gateway())).toBe("gateways/e24876aea727f06a9a64bf4490e5ec7a789f2d01.json");
});

test("an intent without an attempt → an error, not a guess", () => {
  expect(() => lastAttempt({ attempts: [] })).toThrow(TypeError);
});

describe("a journal that must not be overwritten", () => {
  const of = gateway();
  const journal = {
    ...emptyJournal(of),
    slots: { key: { at: 1, clientRequestId: "a", runId: "r", lateUntil: 2 } },
    commit: { version: "v", slot: "key", clientRequestId: "a", sequence: 1, at: 1 },
    verification: { at: 2, suspect: false },
    intent: {
      rotationId: "rotation",
      runId: "r",
      slot: "key",
      reason: "due",
      attempts: [{ clientRequestId: "b", at: 3, known: "open" }],
      claimedUntil: 4,
    },
    failure: lastFailure,
    host: { checkedAt: 5, seen: { status: "Online", registeredAt: 6, sinceRotation: true } },
  } as const;
  const read = (document: object) => parseJournal(JSON.stringify(document), of.target.identity);

  test("a journal as this version writes it → read", () => {
    expect(read(journal)).toEqual({ kind: "journal", journal });
  });

  test("no identity is required → any gateway's journal is read", () => {
    expect(parseJournal(JSON.stringify(journal))).toEqual({ kind: "journal", journal });
  });

  test("another gateway's journal → unreadable, and that gateway is named", () => {
    const { identity } = runtime().target;
    expect(parseJournal(JSON.stringify(emptyJournal(runtime())), of.target.identity)).toEqual({
      kind: "unreadable",
      problem: `it belongs to ${identity}`,
    });
  });

  const later = { later: true };
  test.each<[string, object]>([
    ["the journal", { ...journal, ...later }],
    ["a slot", { ...journal, slots: { key: { ...journal.slots.key, ...later } } }],
    ["the slots", { ...journal, slots: { ...journal.slots, authKey3: journal.slots.key } }],
    ["the commit", { ...journal, commit: { ...journal.commit, ...later } }],
    ["the verification", { ...journal, verification: { ...journal.verification, ...later } }],
    ["the intent", { ...journal, intent: { ...journal.intent, ...later } }],
    [
      "an attempt",
      { ...journal, intent: { ...journal.intent, attempts: [{ ...journal.intent.attempts[0], ...later }] } },
    ],
    ["the failure", { ...journal, failure: { ...journal.failure, ...later } }],
    ["the host", { ...journal, host: { ...journal.host, ...later } }],
    [
      "the host's status",
      { ...journal, host: { ...journal.host, seen: { ...journal.host.seen, ...later } } },
    ],
  ])("a field that a later version wrote into %s → unreadable", (_, document) => {
    expect(read(document)).toMatchObject({ kind: "unreadable" });
  });

  test.each<[string, object]>([
    ["a later schema", { ...journal, schema: 2 }],
    ["an intent without an attempt", { ...journal, intent: { ...journal.intent, attempts: [] } }],
    [
      "an effect that it does not know",
      {
        ...journal,
        intent: { ...journal.intent, attempts: [{ ...journal.intent.attempts[0], known: "applied" }] },
      },
    ],
  ])("%s → unreadable", (_, document) => {
    expect(read(document)).toMatchObject({ kind: "unreadable" });
  });
});
