import { describe, expect, test } from "vitest";
import { type Effect, type KeyWorks, toClientRequestId } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion, SecretVersion } from "../../src/domain/secretStore.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { keyWorksBy } from "../../src/journal/journalSummary.ts";
import { keyAfter } from "../../src/rotation/keyState.ts";
import {
  compared,
  type FailedRotation,
  outOfTime,
  overtaken,
  type RotationOutcome,
} from "../../src/rotation/outcome.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lastFailure, openIntent } from "../support/journalParts.ts";

const oneKey = gateway();
const twoKeys = runtime();

const attempt = (known: Intent["attempts"][number]["known"]) => ({ clientRequestId: "a", at: 1, known });
const intent = (...attempts: Intent["attempts"]): Intent => ({
  ...openIntent,
  attempts,
});
const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: 1 } as const;
const journal = (terms: Partial<Journal>): Journal => ({ ...emptyJournal(oneKey), commit, ...terms });
const neverRotated = emptyJournal(oneKey);
const failure = (keyWorks: KeyWorks): NonNullable<Journal["failure"]> => ({
  ...lastFailure,
  keyWorks,
});
const inDoubt = journal({ intent: intent(attempt("unchanged"), attempt("unknown")) });

describe("whether the published key works, as the journal shows", () => {
  test.each<[string, KeyWorks, KeyWorks, Journal]>([
    ["the gateway was never rotated", "unknown", "unknown", neverRotated],
    ["a commit, and nothing open", true, true, journal({ verification: { at: 9, suspect: false } })],
    ["the commit is suspect", "unknown", "unknown", journal({ verification: { at: 9, suspect: true } })],
    ["an attempt of unknown effect is open", "unknown", true, inDoubt],
    [
      "an attempt is open, and its runner may be dead",
      "unknown",
      true,
      journal({ intent: intent(attempt("open")) }),
    ],
    ["all open attempts changed nothing", true, true, journal({ intent: intent(attempt("unchanged")) })],
    ["the last failure found the key dead", false, false, journal({ failure: failure(false) })],
    [
      "the last failure left the key in doubt",
      "unknown",
      "unknown",
      journal({ failure: failure("unknown") }),
    ],
    ["the last failure left the key alone", true, true, journal({ failure: failure(true) })],
  ])("%s → one key: %s, two keys: %s", (_situation, ofOneKey, ofTwoKeys, known) => {
    expect(keyWorksBy(oneKey, known)).toBe(ofOneKey);
    expect(keyWorksBy(twoKeys, known)).toBe(ofTwoKeys);
  });
});

const version = (id: string): SecretVersion => ({
  version: id,
  createdOn: new Date(0),
  tags: {},
  ownedByCertificate: false,
});
const keyWhen = (outcome: RotationOutcome, before: Journal) =>
  keyAfter(outcome, { journal: before, latest: undefined });

describe("whether the published key works, after an outcome", () => {
  const failed = (effect: Effect, of = oneKey, isKeyDead = false): FailedRotation => ({
    kind: "failed",
    gateway: of,
    code: "c",
    message: "M.",
    effect,
    final: false,
    nextAction: "N.",
    isKeyDead,
  });

  test.each<[string, FailedRotation, Journal, KeyWorks]>([
    ["nothing was changed", failed("unchanged"), journal({}), true],
    ["nothing was changed, after an attempt of unknown effect", failed("unchanged"), inDoubt, "unknown"],
    ["the effect is unknown", failed("unknown"), journal({}), "unknown"],
    ["the only key was made anew and not stored", failed("applied"), journal({}), false],
    [
      "of two keys, the one that is not published was made anew",
      failed("applied", twoKeys),
      journal({}),
      true,
    ],
    ["the service does not have the published key", failed("unchanged", twoKeys, true), journal({}), false],
  ])("a failure: %s → %s", (_situation, outcome, before, expected) => {
    expect(keyWhen(outcome, before).works).toBe(expected);
  });

  test("another runner was faster → the only key is in doubt, the published one of two is not", () => {
    expect(keyWhen(overtaken(oneKey), journal({}))).toEqual({ works: "unknown", isAtRisk: true });
    expect(keyWhen(overtaken(twoKeys), journal({}))).toEqual({ works: true, isAtRisk: false });
  });

  test("the published key was found dead, and there was no time to replace it → dead", () => {
    expect(keyWhen(compared(outOfTime(twoKeys), true), journal({}))).toEqual({
      works: false,
      isAtRisk: true,
    });
  });

  test.each<[string, LatestVersion, KeyWorks]>([
    ["is gone", { kind: "none" }, false],
    ["is disabled", { kind: "disabled", secret: version("v") }, false],
    [
      "was written outside this system",
      { kind: "enabled", secret: version("w"), key: redact("k") },
      "unknown",
    ],
    ["is the committed one", { kind: "enabled", secret: version("v"), key: redact("k") }, true],
  ])("a refusal, and the latest version %s → %s", (_situation, latest, works) => {
    expect(keyAfter(failed("unchanged"), { journal: journal({}), latest })).toEqual({
      works,
      isAtRisk: works !== true,
    });
  });

  test.each<[string, LatestVersion | undefined, KeyWorks]>([
    ["not read", undefined, "unknown"],
    ["read, and the committed one", { kind: "enabled", secret: version("v"), key: redact("k") }, true],
  ])("an older key may be written over it, and the latest version was %s → %s", (_, latest, works) => {
    const verification = { at: 9, suspect: false, mayBeOverwritten: true } as const;
    const read = { journal: journal({ verification }), latest };
    expect(keyAfter(failed("unchanged"), read).works).toBe(works);
    expect(keyAfter(failed("unchanged", twoKeys), read).works).toBe(works);
  });

  test("the gateway was never rotated, and nothing was begun → unknown, and not at risk", () => {
    const none = { works: "unknown", isAtRisk: false };
    for (const outcome of [failed("unchanged"), outOfTime(oneKey), failed("unknown", twoKeys)])
      expect(keyWhen(outcome, neverRotated)).toEqual(none);
    expect(keyWhen(failed("unknown"), neverRotated)).toEqual({ works: "unknown", isAtRisk: true });
  });

  test("the gateway was never rotated, and a first attempt is open → only an only key is at risk", () => {
    const begun = journal({ commit: null, intent: intent(attempt("unchanged")) });
    expect(keyWhen(outOfTime(oneKey), begun)).toEqual({ works: "unknown", isAtRisk: true });
    expect(keyWhen(outOfTime(twoKeys), begun)).toEqual({ works: "unknown", isAtRisk: false });
  });

  test("recorded as dead, since then found among the service's keys, and no time left → works", () => {
    const before = journal({ failure: { ...failure(false), isKeyDead: true } });
    const latest = { kind: "enabled", secret: version("v"), key: redact("k") } as const;
    const outcome = compared(outOfTime(twoKeys), false);
    expect(keyAfter(outcome, { journal: before, latest })).toEqual({ works: true, isAtRisk: false });
  });

  const rotated = {
    kind: "rotated",
    gateway: oneKey,
    rotationId: "r",
    slot: "key",
    secretVersion: "v",
    fingerprint: "f",
    sequence: 1,
    trace: { clientRequestId: toClientRequestId("066b1a89-e84f-47a4-a784-a753b2e06623") },
    isCommitted: true,
    exposureMs: 0,
    dueAt: undefined,
    verifyAt: 0,
  } as const;

  test.each([
    [false, true],
    [true, "unknown"],
  ])("a rotation that is suspect: %s, after a key in doubt → %s", (isSuspect, expected) => {
    expect(keyWhen({ ...rotated, isSuspect }, inDoubt).works).toBe(expected);
  });

  test("there was nothing to do → the key's state stays", () => {
    const skipped = {
      kind: "skipped",
      gateway: oneKey,
      reason: "not-due",
      message: "Not due.",
      verifyAt: undefined,
      published: undefined,
    } as const;
    expect(keyWhen(skipped, journal({})).works).toBe(true);
    expect(keyWhen(skipped, journal({ failure: failure(false) })).works).toBe(false);
  });

  test("too little time was left → the key's state stays", () => {
    expect(keyWhen(outOfTime(oneKey), journal({})).works).toBe(true);
  });
});
