import { describe, expect, test } from "vitest";
import { keyWorksUnread } from "../../src/journal/journalSummary.ts";
import { quietPeriodMs } from "../../src/rotation/context.ts";
import { functionTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  answering,
  callTimeoutMs,
  clockOff,
  type Deliver,
  isRead,
  isRegenerate,
  minuteMs,
  refusing,
  replaced,
  startProcesses,
  startRotated,
  throttled,
} from "./oneProcess.ts";

const lost: Deliver = answering(isRegenerate, "lostAfter");

const second = 1000;
const hourMs = 60 * minuteMs;

/** A commit that is suspect: the attempt before it may still take effect. */
async function suspect() {
  const processes = startProcesses(gateway());
  await processes.rotate({}, answering(isRegenerate, "lostAfter", undefined));
  expect(processes.journal().verification).toMatchObject({ suspect: true });
  return processes;
}

test("the quiet period → function time-out + a minute + call time-out + a second of storage's clock", () => {
  const quietMs = quietPeriodMs({ functionTimeoutMs: 30 * minuteMs, callTimeoutMs: 20 * second });
  expect(quietMs).toBe(31 * minuteMs + 21 * second);
});

describe("the verification of the last commit", () => {
  test("not due yet, and the next rotation stays open → it stays due", async () => {
    const processes = await suspect();
    const due = processes.journal().verification;
    await processes.rotate({ id: "b" }, lost);
    expect(processes.journal()).toMatchObject({ intent: {}, verification: due });
  });

  test("it fails → the list shows the key as unknown while it is replaced", async () => {
    const of = runtime();
    const processes = startProcesses(of);
    const lostOnce = answering(isRegenerate, "lostAfter", undefined);
    await processes.rotate({ mode: "compromised" }, lostOnce);
    await processes.rotate({ mode: "compromised" });
    expect(keyWorksUnread(of, processes.journal())).toBe("unknown");
    await processes.wait(hourMs);
    processes.publish("a dead key, written late");
    const shown: unknown[] = [];
    await processes.rotate({ id: "b" }, (call) => {
      if (isRegenerate(call)) shown.push(keyWorksUnread(of, processes.journal()));
      return undefined;
    });
    expect(shown).toEqual(["unknown"]);
  });

  test.each([
    ["not due yet", () => minuteMs, true],
    ["due at this moment", (dueMs: number) => dueMs, false],
    ["due", () => hourMs, false],
  ] as const)(
    "%s, and the gateway is rotated again → the new commit is suspect: $2",
    async (_, waitMs, isSuspect) => {
      const processes = await suspect();
      await processes.wait(waitMs((processes.journal().verification?.at ?? 0) - processes.clock.now()));
      expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
      expect(processes.journal().verification).toMatchObject({ suspect: isSuspect });
    },
  );

  test("a verification is due → the run that published the version does it, no other", async () => {
    const processes = startProcesses(gateway(undefined, { rotateEveryDays: 30 }));
    const { outcome } = await processes.rotate();
    const verifyAt = processes.journal().verification?.at;
    expect(outcome).toMatchObject({ kind: "rotated", verifyAt });
    expect((await processes.rotate()).outcome).toMatchObject({
      kind: "skipped",
      reason: "satisfied",
      verifyAt,
    });
    const other = await processes.rotate({ id: "b" });
    expect(other.outcome).toMatchObject({ kind: "skipped", reason: "not-due", verifyAt: undefined });
  });
});

test.each([
  [30 * second, "doubted", true],
  [31 * second, "not doubted", undefined],
])(
  "rotated again after %s ms, where a call takes 30 s at most → the key is %s",
  async (ms, _doubted, mayBeOverwritten) => {
    const processes = startProcesses(gateway());
    await processes.rotate();
    expect(processes.journal().verification?.mayBeOverwritten).toBeUndefined();
    await processes.wait(ms);
    expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
    expect(processes.journal()).toMatchObject({ commit: { sequence: 2 }, verification: { suspect: false } });
    expect(processes.journal().verification?.mayBeOverwritten).toBe(mayBeOverwritten);
  },
);

test("a late write has just become impossible, within a second of storage's clock → no doubt", async () => {
  const processes = startProcesses(gateway());
  const slowStore = replaced("secrets", "write", (write, clock) => async (...call) => {
    await clock.sleep(400);
    return write(...call);
  });
  await processes.rotate({}, undefined, { alter: slowStore });
  const until = processes.journal().slots["key"]?.lateUntil ?? 0;
  const partMs = until % second;
  expect(partMs).toBeGreaterThan(0);
  await processes.wait(until - partMs - processes.clock.now());
  const slowRead = replaced("secrets", "readLatest", (read, clock) => async (...call) => {
    await clock.sleep(partMs);
    return read(...call);
  });
  const { outcome } = await processes.rotate({ id: "b" }, undefined, { alter: slowRead });
  expect(outcome.kind).toBe("rotated");
  expect(processes.journal().verification?.mayBeOverwritten).toBeUndefined();
});

test("the attempt that a late write could follow was refused, the next one comes later → no doubt", async () => {
  const processes = startProcesses(gateway());
  await processes.rotate();
  await processes.wait(10 * second);
  const slow = replaced("keys", "regenerate", (regenerate, clock) => async (...call) => {
    const answer = await regenerate(...call);
    if (answer.kind === "unchanged") await clock.sleep(minuteMs);
    return answer;
  });
  const first = answering(isRegenerate, throttled, undefined);
  const { outcome, timesOf } = await processes.rotate({ id: "b" }, first, { alter: slow });
  expect(outcome.kind).toBe("rotated");
  expect(timesOf(isRegenerate)).toHaveLength(2);
  expect(processes.journal().verification?.mayBeOverwritten).toBeUndefined();
});

describe("the verification after several attempts", () => {
  test.each<[string, ReturnType<Deliver>, boolean]>([
    ["was refused", throttled, false],
    ["may still take effect", "lostBefore", true],
  ])("the first one %s → suspect: $2", async (_, first, isSuspect) => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate({}, answering(isRegenerate, first, undefined));
    expect(outcome).toMatchObject({ kind: "rotated", isSuspect });
    expect(processes.journal().verification).toMatchObject({ suspect: isSuspect });
    expect(timesOf(isRegenerate)).toHaveLength(2);
  });

  test.each([
    ["an hour", hourMs, false],
    ["a minute", minuteMs, true],
  ])(
    "the first ones were lost, and another process continues after %s → suspect: $2",
    async (_, ms, suspect) => {
      const processes = startProcesses(gateway());
      await processes.rotate({}, answering(isRegenerate, "lostBefore"));
      await processes.wait(ms);
      expect((await processes.rotate()).outcome.kind).toBe("rotated");
      expect(processes.journal().verification).toMatchObject({ suspect });
    },
  );
});

describe.each([-10, 10])("a process whose clock is %i minutes off", (offMinutes) => {
  const off = clockOff(offMinutes);

  test("its claim, its attempt and its commit → by storage's clock", async () => {
    const processes = startProcesses(gateway());
    const now = processes.clock.now();
    const deadline = now + offMinutes * minuteMs + functionTimeoutMs - 4 * callTimeoutMs;
    let claimMs: number | undefined;
    let attemptMs: number | undefined;
    const { outcome } = await processes.rotate(
      {},
      (call) => {
        const intent = isRegenerate(call) ? processes.journal().intent : null;
        if (intent != null) claimMs = intent.claimedUntil - processes.clock.now();
        if (intent != null) attemptMs = (intent.attempts[0]?.at ?? 0) - processes.clock.now();
        return undefined;
      },
      { terms: { deadline }, alter: off },
    );
    expect(outcome.kind).toBe("rotated");
    expect(Math.abs((claimMs ?? 0) - 4 * callTimeoutMs)).toBeLessThanOrEqual(1000);
    expect(Math.abs(attemptMs ?? minuteMs)).toBeLessThanOrEqual(1000);
    const { commit, verification } = processes.journal();
    expect(Math.abs((commit?.at ?? 0) - now)).toBeLessThanOrEqual(1000);
    expect((verification?.at ?? 0) - now).toBeGreaterThan(functionTimeoutMs);
    expect((verification?.at ?? 0) - now).toBeLessThan(functionTimeoutMs + 3 * minuteMs);
  });

  test("a verification that is due by storage's clock → done", async () => {
    const processes = startProcesses(gateway(undefined, { rotateEveryDays: 30 }));
    const { outcome } = await processes.rotate();
    const verifyAt = outcome.kind === "rotated" ? outcome.verifyAt : 0;
    const tick = async () => {
      const deadline = processes.clock.now() + (offMinutes + 5) * minuteMs;
      await processes.rotate({ id: "b", trigger: "schedule" }, undefined, {
        terms: { deadline },
        alter: off,
      });
      return processes.journal().verification;
    };
    await processes.wait(verifyAt - processes.clock.now() - 2000);
    expect(await tick()).not.toBeNull();
    await processes.wait(4000);
    expect(await tick()).toBeNull();
  });

  test.each([
    [-2000, true],
    [2000, false],
  ])("it rotates %i ms after a suspect verification is due → suspect: %s", async (ms, isSuspect) => {
    const processes = await suspect();
    const dueMs = (processes.journal().verification?.at ?? 0) - processes.clock.now();
    await processes.wait(dueMs + ms);
    const deadline = processes.clock.now() + (offMinutes + 5) * minuteMs;
    expect(
      (await processes.rotate({ id: "b" }, undefined, { terms: { deadline }, alter: off })).outcome.kind,
    ).toBe("rotated");
    expect(processes.journal().verification).toMatchObject({ suspect: isSuspect });
  });

  test("a failure that it records → by storage's clock", async () => {
    const processes = await startRotated(gateway());
    const now = processes.clock.now();
    await processes.rotate({ id: "b" }, refusing(isRead), {
      terms: { deadline: now + (offMinutes + 5) * minuteMs },
      alter: off,
    });
    expect(Math.abs((processes.journal().failure?.at ?? 0) - now)).toBeLessThanOrEqual(1000);
  });
});
