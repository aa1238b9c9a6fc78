import { describe, expect, test } from "vitest";
import { lastAttempt } from "../../src/journal/journal.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { functionTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { ownByCertificate } from "../simulation/models/outsideChanges.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { openIntent } from "../support/journalParts.ts";
import {
  answering,
  callTimeoutMs,
  type Deliver,
  forbidden,
  isRead,
  isRegenerate,
  isStore,
  named,
  refusing,
  replaced,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

/** Attempts that a runner left open, and what they make of a failure that no attempt caused. */
const attempts = [
  ["an attempt of unknown effect is open", "unknown", { effect: "unknown", final: false }],
  ["an attempt without effect is open", "unchanged", { effect: "unchanged", final: false }],
  ["no attempt is open", undefined, { effect: "unchanged", final: true }],
] as const;
const obstacles = [
  ["the vault refuses the read", { deliver: refusing(isRead), isManaged: false, code: "vault-forbidden" }],
  ["the secret is a certificate's", { deliver: undefined, isManaged: true, code: "owned-by-certificate" }],
] as const;

test.each(
  attempts.flatMap(([attempt, known, failure]) =>
    obstacles.map(([what, obstacle]) => [`${attempt}, and ${what}`, known, obstacle, failure] as const),
  ),
)(
  "%s → the failure has that effect, and is final only without one",
  async (_, known, { deliver, isManaged, code }, failure) => {
    const of = gateway();
    const processes = await startRotated(of);
    if (known !== undefined)
      processes.editJournal((journal) => ({
        ...journal,
        intent: { ...openIntent, attempts: [{ ...lastAttempt(openIntent), known }] },
      }));
    if (isManaged) processes.holder.world = ownByCertificate(processes.holder.world, of.secret);
    const { outcome } = await processes.rotate({ id: "b" }, deliver);
    expect(outcome).toMatchObject({ kind: "failed", code, ...failure });
    expect(processes.regenerated()).toBe(1);
  },
);

describe("what this run has made of the gateway", () => {
  const refuseKey =
    (slot: string): Deliver =>
    (call) =>
      isRegenerate(call) && call.subject.endsWith(slot) ? forbidden : undefined;

  test("both keys, in mode compromised → the last rotation, and both versions", async () => {
    const processes = startProcesses(runtime());
    const { outcome, events } = await processes.rotate({ mode: "compromised" });
    expect(named(events, "GatewayKeyRotated").map(({ slot }) => slot)).toEqual(["authKey2", "authKey1"]);
    const versions = processes.versions().map(({ id }, i) => ({ sequence: i + 1, secretVersion: id }));
    expect(outcome).toMatchObject({
      kind: "rotated",
      sequence: 2,
      versions: expect.arrayContaining(versions),
    });
    expect(versions).toHaveLength(2);
  });

  test("a rotation in an earlier invocation → its version", async () => {
    const processes = await startRotated(gateway());
    const { outcome } = await processes.rotate();
    const versions = [{ sequence: 1, secretVersion: processes.versions()[0]?.id }];
    expect(outcome).toMatchObject({ kind: "skipped", reason: "satisfied", versions });
  });

  test("one of two keys, and the other is refused → the failure names the one that is stored", async () => {
    const processes = startProcesses(runtime());
    const { outcome, events } = await processes.rotate({ mode: "compromised" }, refuseKey("authKey1"));
    const { verification } = processes.journal();
    expect(outcome).toMatchObject({
      kind: "failed",
      committed: 1,
      versions: [{ sequence: 1 }],
      message: expect.stringContaining("this run regenerated authKey2 and stored it"),
      verifyAt: verification?.at,
    });
    expect(verification?.at).toBeGreaterThan(processes.clock.now());
    expect(named(events, "GatewayKeyRotated")).toMatchObject([{ slot: "authKey2", sequence: 1 }]);
    expect(named(events, "GatewayKeyRotationFailed")).toMatchObject([
      { code: "regenerate-forbidden", slot: "authKey1" },
    ]);
  });

  test("nothing, after another run's rotation → the failure names no key, version or verification", async () => {
    const processes = await startRotated(runtime());
    const { outcome } = await processes.rotate({ id: "b" }, refuseKey("authKey1"));
    expect(outcome).toMatchObject({
      kind: "failed",
      committed: 1,
      versions: [],
      verifyAt: undefined,
      message: expect.not.stringContaining("this run regenerated"),
    });
  });
});

describe("a rotation that another runner left open", () => {
  const lostThenRefused = (): Deliver => {
    let sent = 0;
    return (call) => (isRegenerate(call) ? (++sent === 1 ? "lostAfter" : forbidden) : undefined);
  };

  test("an unknown effect, then a refusal, and the vault cannot be read → unknown", async () => {
    const processes = startProcesses(gateway());
    await processes.rotate({}, lostThenRefused());
    expect(processes.journal().intent?.attempts).toMatchObject([
      { known: "unknown" },
      { known: "unchanged" },
    ]);
    const { outcome } = await processes.rotate({}, refusing(isRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unknown" });
  });

  test("its next attempt makes a key that the vault refuses → applied: the only key is dead", async () => {
    const processes = startProcesses(gateway());
    await processes.rotate({}, lostThenRefused());
    const { outcome } = await processes.rotate({}, answering(isStore, forbidden));
    expect(outcome).toMatchObject({ kind: "failed", effect: "applied", key: { works: false } });
  });
});

test("a run that finishes another run's rotations → has to do their verification", async () => {
  const monthly = gateway(undefined, { rotateEveryDays: 30 });
  const processes = await startRotated(monthly);
  const verifyAt = processes.journal().verification?.at;
  expect(verifyAt).toBeDefined();
  const { outcome } = await processes.rotate({ id: "b", trigger: "resume" });
  expect(outcome).toMatchObject({ kind: "skipped", verifyAt });
});

test("less time is left than a rotation may take → pending, and no service is called", async () => {
  const processes = startProcesses(gateway());
  const deadline = processes.clock.now() + callsOfRotation * callTimeoutMs - 1;
  const { outcome, timesOf } = await processes.rotate({}, undefined, { terms: { deadline } });
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
  expect(timesOf(() => true)).toEqual([]);
});

test("other runners change the journal before each write → pending, and nothing is regenerated", async () => {
  const processes = startProcesses(gateway());
  const { outcome } = await processes.rotate({}, undefined, {
    alter: replaced("blobs", "write", () => async () => ({ kind: "conflict" })),
  });
  expect(outcome).toMatchObject({ kind: "pending", reason: "overtaken", until: 0, key: undefined });
  expect(processes.regenerated()).toBe(0);
});

test("the process stalls after it read the vault, until little time is left → no key is touched", async () => {
  const processes = startProcesses(gateway());
  const { outcome } = await processes.rotate({}, undefined, {
    alter: replaced("secrets", "readLatest", (read, clock) => async (address) => {
      const latest = await read(address);
      await clock.sleep(functionTimeoutMs - 5 * callTimeoutMs);
      return latest;
    }),
  });
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time", versions: [] });
  expect(processes.regenerated()).toBe(0);
});

test("the vault does not answer the first read → read again, and rotated", async () => {
  const { outcome } = await startProcesses(gateway()).rotate({}, answering(isRead, "lostBefore", undefined));
  expect(outcome.kind).toBe("rotated");
});
