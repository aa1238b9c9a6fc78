import { describe, expect, test } from "vitest";
import { type Effect, type KeyWorks, toClientRequestId } from "../../src/domain/attempt.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { keyWorksBy } from "../../src/journal/journalSummary.ts";
import { keyWorksAfter } from "../../src/rotation/lastFailure.ts";
import { type FailedRotation, outOfTime, overtaken } from "../../src/rotation/outcome.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  callTimeoutMs,
  forbidden,
  isJournalWrite,
  isRegenerate,
  isStore,
  minuteMs,
  startProcesses,
} from "./oneProcess.ts";

const oneKey = gateway();
const twoKeys = runtime();
const attempt = (known: Intent["attempts"][number]["known"]) => ({ clientRequestId: "a", at: 1, known });
const intent = (...attempts: Intent["attempts"]): Intent => ({
  rotationId: "r",
  runId: "run",
  slot: "key",
  reason: "asked",
  attempts,
  claimedUntil: 0,
});
const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: 1 } as const;
const journal = (terms: Partial<Journal>): Journal => ({ ...emptyJournal(oneKey), commit, ...terms });
const failure = (keyWorks: KeyWorks): NonNullable<Journal["failure"]> => ({
  at: 1,
  code: "c",
  effect: "unchanged",
  message: "M.",
  nextAction: "N.",
  keyWorks,
});
const inDoubt = journal({ intent: intent(attempt("unchanged"), attempt("unknown")) });

describe("whether the published key works, by the journal", () => {
  test.each<[string, KeyWorks, KeyWorks, Journal | undefined]>([
    ["there is no journal", "unknown", "unknown", undefined],
    ["the gateway was never rotated", "unknown", "unknown", journal({ commit: null })],
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
    ["the last failure left the key alone", true, true, journal({ failure: failure(true) })],
  ])("%s → one key: %s, two keys: %s", (_situation, ofOneKey, ofTwoKeys, known) => {
    expect(keyWorksBy(oneKey, known)).toBe(ofOneKey);
    expect(keyWorksBy(twoKeys, known)).toBe(ofTwoKeys);
  });
});

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

  test.each<[string, FailedRotation, Journal | undefined, KeyWorks]>([
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
    ["the journal could not be read", failed("unchanged"), undefined, "unknown"],
  ])("a failure: %s → %s", (_situation, outcome, before, expected) => {
    expect(keyWorksAfter(outcome, before)).toBe(expected);
  });

  test("another runner was faster → the only key is in doubt, the published one of two is not", () => {
    expect(keyWorksAfter(overtaken(oneKey), journal({}))).toBe("unknown");
    expect(keyWorksAfter(overtaken(twoKeys), journal({}))).toBe(true);
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
    expect(keyWorksAfter({ ...rotated, isSuspect }, inDoubt)).toBe(expected);
  });

  test("nothing was to be done → as before", () => {
    const skipped = {
      kind: "skipped",
      gateway: oneKey,
      reason: "not-due",
      message: "Not due.",
      verifyAt: undefined,
      published: undefined,
    } as const;
    expect(keyWorksAfter(skipped, journal({}))).toBe(true);
    expect(keyWorksAfter(skipped, journal({ failure: failure(false) }))).toBe(false);
  });

  test("too little time was left → as before", () => {
    expect(keyWorksAfter(outOfTime(oneKey), journal({}))).toBe(true);
  });
});

describe("the last failure in the journal", () => {
  const storeRefused = { kind: "refused", code: "forbidden" } as const;

  test("a regenerate is refused → what happened and what to do, until the next commit", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    const { outcome } = await processes.rotate({ id: "b" }, (call) =>
      isRegenerate(call) ? forbidden : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", keyWorks: true });
    expect(processes.journal()).toMatchObject({
      failure: {
        code: "regenerate-forbidden",
        effect: "unchanged",
        keyWorks: true,
        nextAction: expect.stringContaining("role"),
        clientRequestId: expect.any(String),
      },
    });
    await processes.rotate({ id: "c" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("a key was made and is not stored → the only key is dead, in the outcome and in the journal", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    const { outcome } = await processes.rotate({ id: "b" }, (call) =>
      isStore(call) ? storeRefused : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", effect: "applied", keyWorks: false });
    expect(processes.works()).toBe(false);
    expect(processes.journal()).toMatchObject({ failure: { effect: "applied", keyWorks: false } });
  });

  test("the same failure again → the journal is written once", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    const refuse = () =>
      processes.rotate({ id: "b" }, (call) => (isRegenerate(call) ? forbidden : undefined));
    await refuse();
    const first = processes.journal()?.failure;
    await processes.wait(callTimeoutMs);
    await refuse();
    expect(processes.journal()?.failure).toEqual(first);
  });

  test("another failure, then one of another effect → each takes the place of the one before", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    await processes.rotate({ id: "b" }, (call) => (isRegenerate(call) ? forbidden : undefined));
    await processes.rotate({ id: "b" }, ({ operation }) =>
      operation === "readLatest" ? storeRefused : undefined,
    );
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unchanged" });
    await processes.rotate({ id: "b" }, (call) => (isRegenerate(call) ? "lostBefore" : undefined));
    await processes.rotate({ id: "b" }, ({ operation }) =>
      operation === "readLatest" ? storeRefused : undefined,
    );
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unknown" });
  });

  test("a tick finds nothing to do, and nothing has failed → the journal is not written", async () => {
    const processes = startProcesses({ ...oneKey, rotateEveryDays: 30 });
    await processes.rotate();
    const { timesOf } = await processes.rotate({ id: "b", trigger: "schedule" });
    expect(timesOf(isJournalWrite)).toEqual([]);
  });

  test("an open intent whose claim has run out, and the vault cannot be read → recorded", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    await processes.rotate({ id: "b" }, (call) => (isRegenerate(call) ? "lostBefore" : undefined));
    await processes.rotate({ id: "c" }, ({ operation }) =>
      operation === "readLatest" ? storeRefused : undefined,
    );
    expect(processes.journal()).toMatchObject({ intent: {}, failure: { code: "vault-forbidden" } });
  });

  test("storage cannot be read → the outcome alone has the failure", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    const { outcome } = await processes.rotate({ id: "b" }, ({ operation }) =>
      operation === "readBlob" ? forbidden : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden", keyWorks: "unknown" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("another runner holds the claim → its intent is left alone, and the failure is not recorded", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    const [first, second] = await processes.together((rotate) => [
      // It holds a key for two minutes.
      rotate({ id: "b" }, (call, afterMs) =>
        isStore(call) && afterMs < 2 * minuteMs ? storeRefused : undefined,
      ),
      (async () => {
        await processes.clock.sleep(minuteMs);
        const { outcome } = await rotate({ id: "c" }, ({ operation }) =>
          operation === "readLatest" ? storeRefused : undefined,
        );
        return { outcome, failure: processes.journal()?.failure };
      })(),
    ]);
    expect(second).toMatchObject({ outcome: { kind: "failed", keyWorks: "unknown" }, failure: null });
    expect(first?.outcome).toMatchObject({ kind: "rotated", keyWorks: true });
  });

  test("a tick could not read the vault → a later tick that finds nothing to do ends the failure", async () => {
    const of = { ...oneKey, rotateEveryDays: 30 };
    const processes = startProcesses(of);
    await processes.rotate();
    const tick = { id: "b", trigger: "schedule" } as const;
    const { outcome } = await processes.rotate(tick, ({ operation }) =>
      operation === "readLatest" ? storeRefused : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden" });
    expect(processes.journal()).toMatchObject({ failure: { code: "vault-forbidden" } });
    const after = await processes.rotate({ ...tick, id: "c" });
    expect(after.outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("storage loses the record → the outcome is the same", async () => {
    const processes = startProcesses(oneKey);
    await processes.rotate();
    let writes = 0;
    const { outcome } = await processes.rotate({ id: "b" }, (call) => {
      if (isRegenerate(call)) return forbidden;
      // The third write of the journal: after the claim and its withdrawal.
      if (isJournalWrite(call) && ++writes === 3) return forbidden;
      return undefined;
    });
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-forbidden", keyWorks: true });
    expect(processes.journal()).toMatchObject({ failure: null });
  });
});
