import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import type { RotationServices } from "../../src/rotation/context.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  afterStore,
  answering,
  type Deliver,
  forbidden,
  isJournalWrite,
  isRead,
  isRegenerate,
  isStorage,
  isStore,
  minuteMs,
  named,
  refusing,
  replaced,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const second = 1000;
const both = [
  { keys: "one key", of: gateway() },
  { keys: "two keys", of: runtime() },
];

/** The vault's 429 for keys asks for so long a wait, until a time. */
const askingToWait =
  (waitMs: number, untilMs: number) =>
  (services: RotationServices): RotationServices => {
    const begunAt = services.clock.now();
    return {
      ...services,
      secrets: {
        ...services.secrets,
        async write(address, version) {
          const isKey = version.tags["sequence"] !== undefined && address.secretName.startsWith("adf-");
          if (!isKey || services.clock.now() - begunAt >= untilMs)
            return services.secrets.write(address, version);
          const problem = {
            code: "throttled" as const,
            message: "429",
            transient: true,
            retryAfterMs: waitMs,
          };
          return { kind: "refused", problem };
        },
      },
    };
  };

describe.each(both)("$keys: a key in hand while the vault asks to wait", ({ of }) => {
  test("for 10 minutes, with resume each minute → resume does not touch the gateway, and the key is stored", async () => {
    const processes = await startRotated(of);
    const made = processes.regenerated();
    const [first, ...others] = await processes.together((rotate, later) => [
      rotate({ id: "b" }, undefined, { alter: askingToWait(10 * minuteMs, 9 * minuteMs) }),
      ...Array.from({ length: 9 }, (_, i) => later((i + 1) * minuteMs - 500, () => rotate({ id: "b" }))),
    ]);
    expect(first?.outcome.kind).toBe("rotated");
    expect(others.map(({ outcome }) => outcome)).toEqual(
      Array(9).fill(expect.objectContaining({ kind: "pending", reason: "claimed" })),
    );
    expect(processes.regenerated()).toBe(made + 1);
    expect(processes.works()).toBe(true);
  });

  test.each([
    { fromMs: 60 * second - 1, toMs: 90 * second, resumeMs: 150 * second },
    { fromMs: 100 * second, toMs: 130 * second, resumeMs: 125 * second },
  ])(
    "and storage refuses the claim's extension from $fromMs to $toMs ms → the claim never runs out",
    async ({ fromMs, toMs, resumeMs }) => {
      const processes = await startRotated(of);
      const made = processes.regenerated();
      const outage: Deliver = (call, afterMs) =>
        isJournalWrite(call) && afterMs > fromMs && afterMs < toMs ? forbidden : undefined;
      const [first, other] = await processes.together((rotate, later) => [
        rotate({ id: "b" }, outage, { alter: askingToWait(5 * minuteMs, 4 * minuteMs) }),
        later(resumeMs, () => rotate({ id: "b" })),
      ]);
      expect(first?.outcome.kind).toBe("rotated");
      expect(other?.outcome).toMatchObject({ kind: "pending", reason: "claimed" });
      expect(processes.regenerated()).toBe(made + 1);
    },
  );
});

describe("a storage outage while a key is in hand", () => {
  test("longer than the claim, and the vault refuses meanwhile → the key is stored after the outage", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate(
      {},
      (call, afterMs) => {
        if (afterMs === 0 || afterMs > 10 * minuteMs) return undefined;
        return isStorage(call) || isStore(call) ? forbidden : undefined;
      },
      { alter: withFirstStoreRefused },
    );
    expect(outcome.kind).toBe("rotated");
    expect(processes.regenerated()).toBe(1);
    expect(processes.works()).toBe(true);
  });

  test("more than a call's time is left of the claim → the key is stored during the outage", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate(
      {},
      (call, afterMs) =>
        isStorage(call) && afterMs > 50 * second && afterMs < 4 * minuteMs ? forbidden : undefined,
      { alter: askingToWait(65 * second, second) },
    );
    expect(outcome.kind).toBe("rotated");
    expect(timesOf(isStore).map((ms) => Math.floor(ms / second))).toEqual([65]);
  });
});

/** Refuses the first key, so that it waits. */
const withFirstStoreRefused = askingToWait(second, 1);

test("an HTTP answer is due while the vault refuses a key → the key is still stored later", async () => {
  const processes = startProcesses(gateway());
  const yieldAt = processes.clock.now() + 200 * second;
  const { outcome } = await processes.rotate(
    { trigger: "http" },
    (call, afterMs) => (isStore(call) && afterMs < 5 * minuteMs ? forbidden : undefined),
    { terms: { yieldAt } },
  );
  expect(outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
});

test("an HTTP answer is due while Resource Manager is down → no further regenerate begins", async () => {
  const processes = startProcesses(gateway());
  const yieldAt = processes.clock.now() + 200 * second;
  const { timesOf } = await processes.rotate({ trigger: "http" }, answering(isRegenerate, "lostBefore"), {
    terms: { yieldAt },
  });
  const sent = timesOf(isRegenerate);
  expect(sent.length).toBeGreaterThan(5);
  expect(Math.max(...sent)).toBeLessThanOrEqual(200 * second);
});

describe("a key is stored, and storage refuses the commit", () => {
  const rotatedEvents = (...runs: { readonly events: Parameters<typeof named>[0] }[]) =>
    runs.flatMap(({ events }) => named(events, "GatewayKeyRotated"));

  test.each([
    ["refuses it", forbidden],
    ["answers nothing", "lostAfter"],
    ["is not reached", "lostBefore"],
  ] as const)(
    "storage %s for a minute → the commit is repeated, and the rotation reported once",
    async (_, answer) => {
      const processes = startProcesses(gateway());
      const ran = await processes.rotate({}, afterStore(isStorage, answer, minuteMs));
      expect(ran.outcome).toMatchObject({ kind: "rotated", isCommitted: true });
      expect(processes.journal()).toMatchObject({
        intent: null,
        commit: { version: processes.versions()[0]?.id },
      });
      expect(rotatedEvents(ran)).toMatchObject([{ isCommitted: true, exposureMs: 0 }]);
    },
  );

  test.each(both)(
    "to the deadline, $keys → reported as stored with a pending commit, then adopted silently",
    async ({ of }) => {
      const processes = startProcesses(of);
      const ran = await processes.rotate({}, afterStore(isStorage, forbidden));
      expect(ran.outcome).toMatchObject({ kind: "rotated", isCommitted: false, verifyAt: 0 });
      expect(rotatedEvents(ran)).toMatchObject([
        { isCommitted: false, secretVersion: processes.versions()[0]?.id, sequence: 1 },
      ]);
      const next = await processes.rotate({}, undefined, { as: of, reported: ran.outcome.versions });
      expect(next.outcome).toMatchObject({ kind: "skipped", reason: "satisfied" });
      expect(rotatedEvents(next)).toEqual([]);
      expect(processes.journal().commit?.version).toBe(processes.versions()[0]?.id);
      expect(processes.regenerated()).toBe(1);
    },
  );

  test.each([
    ["storage has the commit and its answer is lost", "lostAfter", 30 * second, minuteMs],
    ["storage refuses the commit until the claim has run out", forbidden, 5 * minuteMs, 6 * minuteMs],
  ] as const)(
    "%s, and another runner records a failure meanwhile → reported once",
    async (_, answer, otherMs, untilMs) => {
      const processes = startProcesses(gateway());
      const [first, other] = await processes.together((rotate, later) => [
        rotate({}, afterStore(isStorage, answer, untilMs)),
        later(otherMs, async () => {
          const { outcome } = await rotate({ id: "b" }, refusing(isRead));
          return { outcome, failure: processes.journal().failure };
        }),
      ]);
      expect(other).toMatchObject({ outcome: { kind: "failed" }, failure: { code: "vault-forbidden" } });
      expect(first?.outcome).toMatchObject({ kind: "rotated", isCommitted: true });
      expect(rotatedEvents(first ?? { events: [] })).toHaveLength(1);
      expect(processes.journal()).toMatchObject({
        intent: null,
        commit: { version: processes.versions()[0]?.id },
      });
      expect(processes.regenerated()).toBe(1);
    },
  );

  test("another runner adopts the version meanwhile → that runner reports it, and this run shows it", async () => {
    const processes = startProcesses(gateway());
    const [first, other] = await processes.together((rotate, later) => [
      rotate({}, afterStore(isStorage, forbidden, 10 * minuteMs)),
      later(5 * minuteMs, () => rotate()),
    ]);
    expect(first?.outcome).toMatchObject({ kind: "pending", reason: "overtaken", until: 0 });
    const next = await processes.rotate();
    expect(rotatedEvents(...[first, other, next].flatMap((ran) => ran ?? []))).toHaveLength(1);
    expect(next.outcome).toMatchObject({
      kind: "skipped",
      reason: "satisfied",
      published: { secretVersion: processes.versions()[0]?.id },
    });
  });

  test("a compromised run → both keys are replaced, and each rotation is reported once", async () => {
    const of: Gateway = runtime();
    const processes = startProcesses(of);
    let stores = 0;
    const yieldAt = processes.clock.now() + 20 * second;
    const ran = await processes.rotate(
      { mode: "compromised" },
      (call, afterMs) => {
        if (isStore(call)) stores += 1;
        return stores === 1 && isJournalWrite(call) && afterMs < 30 * second ? forbidden : undefined;
      },
      { terms: { yieldAt } },
    );
    await processes.wait(3 * minuteMs);
    const next = await processes.rotate({ mode: "compromised" }, undefined, {
      as: of,
      reported: ran.outcome.versions,
    });
    expect(rotatedEvents(ran, next).map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(processes.regenerated()).toBe(2);
  });
});

test("a claim runs out, and the same invocation adopts its own version → reported once", async () => {
  const processes = startProcesses(runtime());
  const yieldAt = processes.clock.now() + 160 * second;
  let isStored = false;
  const slowly = replaced("blobs", "write", (write, clock) => async (...call) => {
    if (isStored) await clock.sleep(5 * second);
    return write(...call);
  });
  const { events } = await processes.rotate(
    { mode: "compromised" },
    (call, afterMs) => {
      isStored ||= isStore(call);
      return isStored && isJournalWrite(call) && afterMs < 136 * second ? forbidden : undefined;
    },
    { terms: { yieldAt }, alter: slowly },
  );
  expect(named(events, "GatewayKeyRotated").map(({ sequence }) => sequence)).toEqual([1, 2]);
});

describe.each(both)("$keys: the first write of a key takes effect after the second", ({ of }) => {
  test.each([
    ["before its verification", 30 * second],
    ["after a day", 24 * 60 * minuteMs],
  ])(
    "the next run comes %s → no rotation, and the later version is the committed one",
    async (_, laterMs) => {
      const monthly = { ...of, rotateEveryDays: 30 };
      const processes = startProcesses(monthly);
      const late: (() => void)[] = [];
      const ran = await processes.rotate({}, (call) =>
        isStore(call) && late.length === 0
          ? { kind: "late", release: (effect) => void late.push(effect) }
          : undefined,
      );
      expect(ran.outcome.kind).toBe("rotated");
      for (const land of late) land();
      expect(processes.versions()).toHaveLength(2);
      await processes.wait(laterMs);
      const next = await processes.rotate({ id: "b" });
      expect(next.outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
      expect(processes.regenerated()).toBe(1);
      expect(processes.works()).toBe(true);
      expect(processes.journal()).toMatchObject({
        commit: { version: processes.versions()[1]?.id, sequence: 1 },
        verification: laterMs > minuteMs ? null : {},
      });
    },
  );
});
