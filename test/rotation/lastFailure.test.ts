import { describe, expect, test } from "vitest";
import { type Effect, type KeyWorks, toClientRequestId } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion, SecretVersion } from "../../src/domain/secretStore.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { keyWorksBy } from "../../src/journal/journalSummary.ts";
import { keyAfter } from "../../src/rotation/lastFailure.ts";
import {
  compared,
  type FailedRotation,
  outOfTime,
  overtaken,
  type RotationOutcome,
} from "../../src/rotation/outcome.ts";
import { disableLatest, softDelete } from "../simulation/models/outsideChanges.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  callTimeoutMs,
  closedAt,
  type Deliver,
  forbidden,
  isBlobRead,
  isJournalWrite,
  isList,
  isRead,
  isRegenerate,
  isStore,
  minuteMs,
  on,
  replaced,
  startRotated,
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

describe("whether the published key works, as the journal shows", () => {
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
const keyWhen = (outcome: RotationOutcome, before: Journal | undefined) =>
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

  test("the gateway was never rotated, and nothing was begun → unknown, and not at risk", () => {
    const none = { works: "unknown", isAtRisk: false };
    for (const outcome of [failed("unchanged"), outOfTime(oneKey), failed("unknown", twoKeys)])
      expect(keyWhen(outcome, undefined)).toEqual(none);
    expect(keyWhen(failed("unknown"), undefined)).toEqual({ works: "unknown", isAtRisk: true });
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

describe("the last failure in the journal", () => {
  const storeRefused = { kind: "refused", code: "forbidden" } as const;

  test("a regenerate is refused → what happened and what to do, until the next commit", async () => {
    const processes = await startRotated(oneKey);
    const { outcome } = await processes.rotate({ id: "b" }, on(isRegenerate));
    expect(outcome).toMatchObject({ kind: "failed", key: { works: true } });
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
    const processes = await startRotated(oneKey);
    const { outcome } = await processes.rotate({ id: "b" }, on(isStore));
    expect(outcome).toMatchObject({ kind: "failed", effect: "applied", key: { works: false } });
    expect(processes.works()).toBe(false);
    expect(processes.journal()).toMatchObject({ failure: { effect: "applied", keyWorks: false } });
  });

  test("the same failure again → the journal is written once", async () => {
    const processes = await startRotated(oneKey);
    const refuse = () => processes.rotate({ id: "b" }, on(isRegenerate));
    await refuse();
    const first = processes.journal()?.failure;
    await processes.wait(callTimeoutMs);
    await refuse();
    expect(processes.journal()?.failure).toEqual(first);
  });

  test("another failure, then one with another effect → each replaces the one before", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, on(isRegenerate));
    await processes.rotate({ id: "b" }, on(isRead));
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unchanged" });
    await processes.rotate({ id: "b" }, on(isRegenerate, "lostBefore"));
    await processes.rotate({ id: "b" }, on(isRead));
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unknown" });
  });

  test("the latest version was disabled and is enabled again → the next failure says that the key works", async () => {
    const processes = await startRotated(oneKey);
    const refused = (code: "forbidden" | "not-found"): Deliver => on(isRegenerate, { kind: "refused", code });
    const { vaults } = processes.holder.world;
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" }, refused("forbidden"));
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    processes.holder.world = { ...processes.holder.world, vaults };
    const { outcome } = await processes.rotate({ id: "c" }, refused("not-found"));
    expect(outcome).toMatchObject({ code: "regenerate-not-found", key: { works: true } });
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-not-found", keyWorks: true });
  });

  test("the secret was soft-deleted and is recovered → the next failure calls the key fine", async () => {
    const processes = await startRotated(oneKey);
    const { vaults } = processes.holder.world;
    processes.holder.world = softDelete(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" });
    expect(processes.journal().failure).toMatchObject({ code: "secret-soft-deleted", keyWorks: false });
    processes.holder.world = { ...processes.holder.world, vaults };
    await processes.rotate({ id: "c" }, on(isRegenerate));
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: true });
  });

  test("the same refusal again, and the version is disabled now → recorded: no key can be read", async () => {
    const processes = await startRotated(oneKey);
    const refuse = () => processes.rotate({ id: "b" }, on(isRegenerate));
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: true });
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
  });

  test("the same refusal again, now after an unknown effect → the record says unknown", async () => {
    const processes = await startRotated(oneKey);
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" }, on(isRegenerate));
    const failed = { code: "regenerate-forbidden", keyWorks: false };
    expect(processes.journal().failure).toMatchObject({ ...failed, effect: "unchanged" });
    let sent = 0;
    await processes.rotate({ id: "b" }, (call) => {
      if (!isRegenerate(call)) return undefined;
      return ++sent === 1 ? "lostBefore" : forbidden;
    });
    expect(processes.journal().failure).toMatchObject({ ...failed, effect: "unknown" });
  });

  test("the version was disabled, and holds a dead value now → dead, also when it cannot be read", async () => {
    const processes = await startRotated(twoKeys);
    const refuse = () => processes.rotate({ id: "b" }, on(isRegenerate));
    processes.holder.world = disableLatest(processes.holder.world, twoKeys.secret);
    await refuse();
    const before = processes.journal().failure;
    expect(before).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    expect(before?.isKeyDead).toBeUndefined();
    processes.publish("a value by hand");
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", isKeyDead: true });
  });

  test("another runner commits before a failure is recorded → that failure is not recorded", async () => {
    const processes = await startRotated(oneKey);
    const refusedLate = replaced("secrets", "readLatest", (read, clock) => async (address) => {
      const latest = await read(address);
      await clock.sleep(minuteMs);
      return latest;
    });
    const [first, second] = await processes.together((rotate, later) => [
      rotate({ id: "b" }, on(isRead), { alter: refusedLate }),
      later(30_000, () => rotate({ id: "c" })),
    ]);
    expect(first?.outcome).toMatchObject({ kind: "failed", code: "vault-forbidden" });
    expect(second?.outcome.kind).toBe("rotated");
    expect(processes.journal().failure).toBeNull();
  });

  test("storage could not be read, and then it can → the failure is recorded", async () => {
    const processes = await startRotated(oneKey);
    let reads = 0;
    await processes.rotate({ id: "b" }, ({ operation }) =>
      operation === "readBlob" && ++reads === 1 ? forbidden : undefined,
    );
    expect(processes.journal().failure).toMatchObject({ code: "storage-forbidden" });
  });

  test("a tick outside the gateway's window → the last failure stays", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, on(isRegenerate));
    const as = { ...oneKey, window: closedAt(processes.clock.now()) };
    const tick = { id: "c", trigger: "schedule" } as const;
    const { outcome } = await processes.rotate(tick, undefined, { as });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "outside-window" });
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden" });
  });

  test.each([
    ["vault-forbidden", ({ operation }: Parameters<Deliver>[0]) => operation === "readLatest"],
    ["regenerate-forbidden", isRegenerate],
  ])("the only key was replaced and not stored, then %s → still dead", async (code, isRefused) => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, on(isStore));
    await processes.wait(10 * minuteMs);
    const { outcome } = await processes.rotate({ id: "c" }, on(isRefused));
    expect(outcome).toMatchObject({ code, effect: "unknown", key: { works: false } });
    expect(processes.journal().failure).toMatchObject({ code, keyWorks: false });
  });

  test("a published value that the service does not have → dead until a comparison finds another", async () => {
    const processes = await startRotated(twoKeys);
    const failWith = async (isRefused: (call: Parameters<Deliver>[0]) => boolean) => {
      await processes.rotate({ id: "b" }, on(isRefused));
      return processes.journal().failure;
    };
    processes.publish("a value by hand");
    expect(await failWith(isRegenerate)).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    expect(await failWith(isList)).toMatchObject({ code: "list-keys-forbidden", keyWorks: false });
    processes.publish(processes.versions()[0]?.value ?? "");
    expect(processes.works()).toBe(true);
    expect(await failWith(isRegenerate)).toMatchObject({ code: "regenerate-forbidden", keyWorks: "unknown" });
  });

  test("a tick finds nothing to do, and nothing has failed → the journal is not written", async () => {
    const processes = await startRotated({ ...oneKey, rotateEveryDays: 30 });
    const { timesOf } = await processes.rotate({ id: "b", trigger: "schedule" });
    expect(timesOf(isJournalWrite)).toEqual([]);
  });

  test("an open intent whose claim has run out, and the vault cannot be read → recorded", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, on(isRegenerate, "lostBefore"));
    await processes.rotate({ id: "c" }, on(isRead));
    expect(processes.journal()).toMatchObject({ intent: {}, failure: { code: "vault-forbidden" } });
  });

  test("storage cannot be read → the outcome alone has the failure", async () => {
    const processes = await startRotated(oneKey);
    const { outcome } = await processes.rotate({ id: "b" }, on(isBlobRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden", key: undefined });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("another runner holds the claim → its intent does not change, and the failure is not recorded", async () => {
    const processes = await startRotated(oneKey);
    const [first, second] = await processes.together((rotate) => [
      // It holds a key for two minutes.
      rotate({ id: "b" }, (call, afterMs) =>
        isStore(call) && afterMs < 2 * minuteMs ? storeRefused : undefined,
      ),
      (async () => {
        await processes.clock.sleep(minuteMs);
        const { outcome } = await rotate({ id: "c" }, on(isRead));
        return { outcome, failure: processes.journal()?.failure };
      })(),
    ]);
    expect(second).toMatchObject({ outcome: { kind: "failed", key: { works: "unknown" } }, failure: null });
    expect(first?.outcome).toMatchObject({ kind: "rotated", key: { works: true } });
  });

  test("a tick could not read the vault → a later tick that finds nothing to do ends the failure", async () => {
    const of = { ...oneKey, rotateEveryDays: 30 };
    const processes = await startRotated(of);
    const tick = { id: "b", trigger: "schedule" } as const;
    const { outcome } = await processes.rotate(tick, on(isRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden" });
    expect(processes.journal()).toMatchObject({ failure: { code: "vault-forbidden" } });
    const after = await processes.rotate({ ...tick, id: "c" });
    expect(after.outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("seven attempts without a clear answer, and no time for another → failed, and the only key is in doubt", async () => {
    const processes = await startRotated(oneKey);
    // Each write of the journal takes so long that the time runs out between an attempt's record and its request.
    let attempts = 0;
    const { outcome } = await processes.rotate(
      { id: "b" },
      (call) => {
        if (isRegenerate(call)) attempts += 1;
        return isRegenerate(call) ? { kind: "lostAfter" } : undefined;
      },
      {
        alter: replaced("blobs", "write", (write, clock) => async (...call) => {
          const written = await write(...call);
          if (attempts > 0) await clock.sleep(callTimeoutMs - 1);
          return written;
        }),
      },
    );
    expect(attempts).toBeGreaterThan(1);
    expect(outcome).toMatchObject({
      kind: "failed",
      effect: "unknown",
      final: false,
      key: { works: "unknown", isAtRisk: true },
    });
  });

  test("storage loses the record → the outcome is the same", async () => {
    const processes = await startRotated(oneKey);
    let writes = 0;
    const { outcome } = await processes.rotate({ id: "b" }, (call) => {
      if (isRegenerate(call)) return forbidden;
      // The third write of the journal: after the claim and its withdrawal.
      if (isJournalWrite(call) && ++writes === 3) return forbidden;
      return undefined;
    });
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-forbidden", key: { works: true } });
    expect(processes.journal()).toMatchObject({ failure: null });
  });
});
