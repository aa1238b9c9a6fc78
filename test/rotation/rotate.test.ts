import { describe, expect, test } from "vitest";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { createModelServices } from "../simulation/models/modelServices.ts";
import { softDelete } from "../simulation/models/outsideChanges.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  callTimeoutMs,
  clockOff,
  type Deliver,
  forbidden,
  isDeletedRead,
  isJournalWrite,
  isList,
  isPreflight,
  isRegenerate,
  isStore,
  minuteMs,
  named,
  on,
  replaced,
  startProcesses,
  startRotated,
  throttled,
} from "./oneProcess.ts";

const second = 1000;
const hourMs = 60 * minuteMs;

/** Loses the answers of all regenerates that are sent before a time. */
const lostUntil =
  (untilMs: number): Deliver =>
  (call, afterMs) =>
    isRegenerate(call) && afterMs < untilMs ? "lostAfter" : undefined;

/** Each write of a blob takes so long, as long as a condition holds. */
const writingJournalFor = (ms: number, isSlow = () => true) =>
  replaced("blobs", "write", (write, clock) => async (...call) => {
    const written = await write(...call);
    if (isSlow()) await clock.sleep(ms);
    return written;
  });

describe("a one-key gateway after an unknown effect", () => {
  test("an outage of 3 s → pauses of 1 and 2 s, and a key works right after it", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf, events } = await processes.rotate({}, lostUntil(3 * second));
    expect(timesOf(isRegenerate)).toEqual([0, second, 3 * second]);
    expect(outcome.kind).toBe("rotated");
    expect(processes.works()).toBe(true);
    const ids = named(events, "GatewayKeyRegenerating").map(({ clientRequestId }) => clientRequestId);
    expect(new Set(ids).size).toBe(3);
  });

  test("an outage of 10 minutes → pauses grow to 30 s, no limit of attempts, and a preflight for each", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate({}, lostUntil(10 * minuteMs));
    const sent = timesOf(isRegenerate);
    const pauses = sent.slice(1).map((at, i) => (at - (sent[i] ?? 0)) / second);
    expect(pauses.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(Math.max(...pauses)).toBe(30);
    expect(outcome.kind).toBe("rotated");
    const preflights = timesOf(isPreflight);
    for (const at of sent)
      expect(Math.min(...preflights.map((done) => at - done).filter((ms) => ms >= 0))).toBeLessThan(
        5 * minuteMs,
      );
  });

  test("503 with Retry-After → waits as long as the service asks", async () => {
    const processes = startProcesses(gateway());
    let first = true;
    const asking = replaced("keys", "regenerate", (regenerate) => async (...request) => {
      const answer = await regenerate(...request);
      if (answer.kind !== "unknown" || !first) return answer;
      first = false;
      return { ...answer, problem: { ...answer.problem, retryAfterMs: 17 * second } };
    });
    const { timesOf } = await processes.rotate({}, lostUntil(1), { alter: asking });
    expect(timesOf(isRegenerate)).toEqual([0, 17 * second]);
  });

  test("then 429s → tried again, since its key may be dead", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate({}, (call, afterMs) => {
      if (!isRegenerate(call)) return undefined;
      if (afterMs === 0) return "lostAfter";
      return afterMs < minuteMs ? throttled : undefined;
    });
    expect(timesOf(isRegenerate).length).toBeGreaterThan(5);
    expect(outcome.kind).toBe("rotated");
  });

  test("an outage beyond the invocation's time → failed as unknown, with time left to store", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate({}, lostUntil(Infinity));
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "regenerate-connection-lost",
      effect: "unknown",
      final: false,
    });
    const deadlineMs = 30 * minuteMs - 4 * callTimeoutMs;
    expect(timesOf(isRegenerate).at(-1)).toBeLessThanOrEqual(deadlineMs - 2 * callTimeoutMs);
    expect(timesOf(isRegenerate).at(-1)).toBeGreaterThan(deadlineMs - 2 * callTimeoutMs - minuteMs);
  });
});

test("a two-key gateway after an unknown effect → one attempt, and it waits", async () => {
  const processes = await startRotated(runtime());
  const { outcome, timesOf } = await processes.rotate({ id: "b" }, lostUntil(3 * second));
  expect(timesOf(isRegenerate)).toEqual([0]);
  expect(outcome).toMatchObject({ kind: "failed", effect: "unknown" });
  expect(processes.works()).toBe(true);
});

test("throttled for ever, and no effect is unknown → four attempts, and the intent is withdrawn", async () => {
  const processes = startProcesses(gateway());
  const { outcome, timesOf } = await processes.rotate({}, on(isRegenerate, throttled));
  expect(timesOf(isRegenerate)).toHaveLength(4);
  expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-throttled", effect: "unchanged" });
  expect(processes.journal().intent).toBeNull();
});

test("the claim's write is slow, and storage does not extend the claim → nothing is sent, and storage is named", async () => {
  const processes = startProcesses(gateway());
  let writes = 0;
  const { outcome, timesOf } = await processes.rotate(
    {},
    (call, afterMs) => (isJournalWrite(call) && afterMs > 0 ? forbidden : undefined),
    { alter: writingJournalFor(100 * second, () => ++writes === 1) },
  );
  expect(timesOf(isRegenerate)).toEqual([]);
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "storage-forbidden",
    effect: "unchanged",
    final: false,
  });
});

test("the claim runs out while it is written, and another runner takes over → nothing is sent", async () => {
  const processes = startProcesses(gateway());
  const [first, second] = await processes.together((rotate, later) => [
    rotate({}, undefined, { alter: writingJournalFor(5 * callTimeoutMs) }),
    later(4.5 * callTimeoutMs, () => rotate({ id: "b" })),
  ]);
  expect(second?.outcome.kind).toBe("rotated");
  expect(first?.timesOf(isRegenerate)).toEqual([]);
  expect(first?.outcome).toMatchObject({ kind: "pending", reason: "overtaken" });
});

test("the claim's write takes five minutes → another preflight, then the regenerate", async () => {
  const processes = startProcesses(gateway());
  let writes = 0;
  const slowOnce = writingJournalFor(5 * minuteMs, () => ++writes === 1);
  const { outcome, timesOf } = await processes.rotate({}, undefined, { alter: slowOnce });
  expect(outcome.kind).toBe("rotated");
  expect(timesOf(isPreflight)).toEqual([0, 5 * minuteMs]);
  expect(timesOf(isRegenerate)).toEqual([5 * minuteMs]);
});

test("the preflight takes all the time there is → pending, and nothing is claimed", async () => {
  const processes = startProcesses(gateway());
  const deadline = processes.clock.now() + callsOfRotation * callTimeoutMs;
  const { outcome, timesOf } = await processes.rotate({}, undefined, {
    terms: { deadline },
    alter: replaced("secrets", "write", (write, clock) => async (...call) => {
      const written = await write(...call);
      await clock.sleep((callsOfRotation - 1) * callTimeoutMs);
      return written;
    }),
  });
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
  expect(timesOf(isJournalWrite)).toEqual([]);
});

test("the preflight of a second attempt takes all the time there is → the intent is withdrawn", async () => {
  const processes = startProcesses(gateway());
  let isSlow = false;
  const { outcome, timesOf } = await processes.rotate(
    {},
    (call) => {
      isSlow ||= isRegenerate(call);
      return isRegenerate(call) ? { kind: "refused", code: "throttled-for-long" } : undefined;
    },
    {
      terms: { deadline: processes.clock.now() + 10 * minuteMs },
      alter: replaced("secrets", "write", (write, clock) => async (...call) => {
        if (isSlow) await clock.sleep(5 * minuteMs);
        return write(...call);
      }),
    },
  );
  expect(timesOf(isRegenerate)).toHaveLength(1);
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
  expect(processes.journal().intent).toBeNull();
});

describe("no time is left after the record of a second attempt", () => {
  const secondAttempt = async (first: ReturnType<Deliver>) => {
    const processes = startProcesses(gateway());
    let sent = 0;
    const { outcome } = await processes.rotate(
      {},
      (call) => (isRegenerate(call) && ++sent > 0 ? first : undefined),
      {
        terms: { deadline: processes.clock.now() + callsOfRotation * callTimeoutMs },
        alter: writingJournalFor(3.5 * callTimeoutMs, () => sent > 0),
      },
    );
    expect(sent).toBe(1);
    return { outcome, intent: processes.journal().intent };
  };

  test("the first one was throttled → pending, and the intent is withdrawn", async () => {
    const { outcome, intent } = await secondAttempt(throttled);
    expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
    expect(intent).toBeNull();
  });

  test("the first one's effect is unknown → failed as unknown, and a later step continues", async () => {
    const { outcome, intent } = await secondAttempt("lostBefore");
    expect(outcome).toMatchObject({ kind: "failed", effect: "unknown", final: false });
    expect(intent?.attempts).toMatchObject([{ known: "unknown" }, { known: "unchanged" }]);
  });
});

describe("200 with the key that is published already", () => {
  /** Answers the first regenerate with the published key. */
  const repeating = (published: () => string) => {
    let first = true;
    return replaced("keys", "regenerate", (regenerate) => async (...request) => {
      const answer = await regenerate(...request);
      if (answer.kind !== "applied" || !first) return answer;
      first = false;
      return { ...answer, key: redact(published()) };
    });
  };

  test("one key → unknown: another attempt, and its key is published", async () => {
    const processes = await startRotated(gateway());
    const old = processes.versions().at(-1)?.value ?? "";
    const { outcome } = await processes.rotate({ id: "b" }, undefined, { alter: repeating(() => old) });
    expect(outcome.kind).toBe("rotated");
    expect(processes.versions()).toHaveLength(2);
    expect(processes.works()).toBe(true);
  });

  test("two keys, and the answer is the slot's older key, which was listed → the same", async () => {
    const of = runtime();
    const processes = startProcesses(of);
    const { authKey1 = "", authKey2 = "" } = liveKeys(processes.holder.world, of.target);
    processes.publish(authKey1);
    const { outcome, timesOf } = await processes.rotate({}, undefined, { alter: repeating(() => authKey2) });
    expect(
      timesOf(({ operation, subject }) => operation === "regenerate" && subject.endsWith("authKey2")),
    ).toHaveLength(1);
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-no-key-in-answer", effect: "unknown" });
    expect(processes.versions()).toHaveLength(1);
  });

  test("two keys → failed as unknown, and nothing is stored", async () => {
    const processes = await startRotated(runtime());
    const old = processes.versions().at(-1)?.value ?? "";
    const { outcome } = await processes.rotate({ id: "b" }, undefined, { alter: repeating(() => old) });
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-no-key-in-answer", effect: "unknown" });
    expect(processes.versions()).toHaveLength(1);
  });
});

test("a rotation that another run began → belongs to that run", async () => {
  const processes = startProcesses(gateway());
  await processes.rotate({ id: "a" }, lostUntil(Infinity));
  expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
  expect(processes.journal().slots.key).toMatchObject({ runId: "a" });
});

describe("the vault refuses the preflight of a later attempt", () => {
  test("the first attempt's effect is unknown → the failure's effect, too, and the claim is released", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate({}, (call, afterMs) => {
      if (isPreflight(call) && afterMs > 0) return forbidden;
      return isRegenerate(call) ? "lostBefore" : undefined;
    });
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "vault-takes-no-writes",
      effect: "unknown",
      final: false,
    });
    expect(processes.journal().intent).toMatchObject({ claimedUntil: 0 });
  });

  test("all attempts were refused → the key is unchanged, and the intent is withdrawn", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate({}, (call, afterMs) => {
      if (isPreflight(call) && afterMs > 0) return forbidden;
      return isRegenerate(call) ? { kind: "refused", code: "throttled-for-long" } : undefined;
    });
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "vault-takes-no-writes",
      effect: "unchanged",
      final: true,
    });
    expect(processes.journal().intent).toBeNull();
  });
});

test("no time is left after the claim → nothing is sent, and the intent is withdrawn", async () => {
  const processes = startProcesses(gateway());
  const slow = writingJournalFor((callsOfRotation - 1) * callTimeoutMs);
  const deadline = processes.clock.now() + callsOfRotation * callTimeoutMs;
  const { outcome, timesOf } = await processes.rotate({}, undefined, { terms: { deadline }, alter: slow });
  expect(timesOf(isRegenerate)).toEqual([]);
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
  expect(processes.journal().intent).toBeNull();
});

describe("a version whose commit is missing", () => {
  /** A process that stores the key five seconds after the regenerate, and cannot commit it. */
  async function uncommitted(of: Gateway) {
    const processes = await startRotated(of);
    let stored = false;
    await processes.rotate({ id: "b" }, (call, afterMs) => {
      if (isStore(call) && afterMs < 5 * second) return throttled;
      stored ||= isStore(call);
      return stored && isJournalWrite(call) ? forbidden : undefined;
    });
    return processes;
  }

  test.each([
    ["one key → reported, with how long no key worked", gateway(), 5 * second],
    ["two keys → reported, and a key always worked", runtime(), 0],
  ])("%s", async (_, of, leastMs) => {
    const processes = await uncommitted(of);
    const { outcome, events } = await processes.rotate({ id: "b" });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "satisfied" });
    const [reported, ...more] = named(events, "GatewayKeyRotated");
    expect(more).toEqual([]);
    expect(reported).toMatchObject({ isCommitted: true, sequence: 2 });
    expect(reported?.exposureMs).toBeGreaterThanOrEqual(leastMs);
    expect(reported?.exposureMs).toBeLessThanOrEqual(2 * leastMs);
    expect(processes.journal()).toMatchObject({
      commit: { sequence: 2, version: processes.versions().at(-1)?.id },
    });
  });

  test("two keys → the journal keeps when the other one was regenerated", async () => {
    const processes = await uncommitted(runtime());
    const { slots } = processes.journal();
    await processes.rotate({ id: "b" });
    expect(processes.journal().slots).toEqual({
      ...slots,
      authKey1: expect.objectContaining({ runId: "b" }),
    });
    expect(slots.authKey2).toMatchObject({ runId: "run" });
  });

  test("two runners find it at once → one commits and reports it", async () => {
    const processes = await uncommitted(gateway());
    const reading = replaced("secrets", "readLatest", (read, clock) => async (address) => {
      await clock.sleep(2 * second);
      return read(address);
    });
    const runs = await processes.together((rotate, later) => [
      rotate({ id: "b" }, undefined, { alter: reading }),
      later(second, () => rotate({ id: "b" }, undefined, { alter: reading })),
    ]);
    expect(runs.flatMap((ran) => named(ran?.events ?? [], "GatewayKeyRotated"))).toHaveLength(1);
    expect(processes.regenerated()).toBe(2);
  });

  test("storage refuses the commit → failed, and no key is regenerated", async () => {
    const processes = await uncommitted(gateway());
    const { outcome, events } = await processes.rotate({ id: "b" }, on(isJournalWrite));
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden" });
    expect(named(events, "GatewayKeyRotated")).toEqual([]);
    expect(processes.regenerated()).toBe(2);
  });
});

describe("the published key of two is compared with the service's keys", () => {
  const of = runtime(undefined, { rotateEveryDays: 30 });
  const weekMs = 7 * 24 * 60 * minuteMs;
  const tick = { id: "b", trigger: "schedule" } as const;

  /** A week after a rotation, its verification done. @param isDead the published key was regenerated by hand */
  async function aWeekLater(isDead: boolean) {
    const processes = await startRotated(of);
    await processes.wait(hourMs);
    await processes.rotate(tick);
    await processes.wait(weekMs);
    if (isDead) {
      const services = createModelServices(processes.holder, async () => ({ kind: "normal" }), {
        runner: "",
      });
      const { slot } = processes.journal().commit ?? { slot: "authKey1" };
      await services.keys.regenerate(of.target, slot, toClientRequestId(crypto.randomUUID()));
    }
    expect(processes.works()).toBe(!isDead);
    return processes;
  }

  test.each([-10, 0, 10])(
    "it works, clock %i minutes off → recorded with storage's time",
    async (minutes) => {
      const processes = await aWeekLater(false);
      const now = processes.clock.now();
      const { outcome } = await processes.rotate(tick, undefined, {
        terms: { deadline: now + minutes * minuteMs + 20 * minuteMs },
        alter: clockOff(minutes),
      });
      expect(outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
      expect(Math.abs((processes.journal().commit?.verifiedAt ?? 0) - now)).toBeLessThanOrEqual(1000);
    },
  );

  test("it is dead → rotated, and works again", async () => {
    const processes = await aWeekLater(true);
    expect((await processes.rotate(tick)).outcome).toMatchObject({ kind: "rotated", key: { works: true } });
    expect(processes.works()).toBe(true);
  });

  test("it is dead, and the regenerate is refused → failed, and reported as dead", async () => {
    const processes = await aWeekLater(true);
    const { outcome } = await processes.rotate(tick, on(isRegenerate));
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-forbidden", key: { works: false } });
    expect(processes.journal().failure).toMatchObject({ keyWorks: false });
  });

  test("it is dead, and the same refusal was recorded earlier → reported as dead now", async () => {
    const processes = await aWeekLater(true);
    const refused: Deliver = on(isRegenerate);
    for (const [run, keyWorks] of [
      [{ id: "c", trigger: "http" }, true],
      [tick, false],
    ] as const) {
      const { events } = await processes.rotate(run, refused);
      const recorded = { code: "regenerate-forbidden", keyWorks };
      expect(processes.journal().failure).toMatchObject(recorded);
      expect(named(events, "GatewayKeyRotationFailed")).toMatchObject([recorded]);
    }
  });

  test("the keys cannot be listed → failed, and compared by a later tick", async () => {
    const processes = await aWeekLater(false);
    const { outcome } = await processes.rotate(tick, on(isList));
    expect(outcome).toMatchObject({ kind: "failed", effect: "unchanged" });
    const later = await processes.rotate(tick);
    expect(later.outcome).toMatchObject({ kind: "skipped", reason: "not-due", key: { works: true } });
    expect(processes.journal().commit?.verifiedAt).toBeDefined();
  });

  test("storage refuses the result → failed, and no key is regenerated", async () => {
    const processes = await aWeekLater(false);
    const { outcome } = await processes.rotate(tick, on(isJournalWrite));
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden" });
    expect(processes.regenerated()).toBe(1);
  });
});

describe("the sequence of a new version", () => {
  const sequences = (processes: ReturnType<typeof startProcesses>) =>
    processes.versions().map(({ tags }) => tags["sequence"]);

  test("the secret's first version → 1, then one more each time", async () => {
    const processes = await startRotated(gateway());
    await processes.rotate({ id: "b" });
    expect(sequences(processes)).toEqual(["1", "2"]);
  });

  test("an operator wrote a version without tags → one more than the last commit's", async () => {
    const processes = await startRotated(gateway());
    processes.publish("x");
    await processes.rotate({ id: "b" });
    expect(sequences(processes)).toEqual(["1", undefined, "2"]);
  });

  test("the latest version's tags are ahead of the journal → one more than theirs", async () => {
    const processes = await startRotated(gateway());
    const tags = { ...processes.versions()[0]?.tags, sequence: "7" };
    processes.publish("x", tags);
    await processes.rotate({ id: "b" });
    expect(sequences(processes)).toEqual(["1", "7", "8"]);
  });
});

test("the verification finds the secret gone and purged → rotated, and the vault has a key again", async () => {
  const of = gateway(undefined, { rotateEveryDays: 30 });
  const processes = await startRotated(of);
  await processes.wait(hourMs);
  processes.purgeSecrets();
  expect(processes.versions()).toEqual([]);
  expect((await processes.rotate({ id: "b", trigger: "schedule" })).outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
});

describe("a committed secret is gone, and not among the deleted ones", () => {
  const of = gateway();
  async function gone() {
    const processes = await startRotated(of);
    processes.purgeSecrets();
    return processes;
  }

  test("for a minute → counts as purged, and is rotated then", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" });
    expect(outcome.kind).toBe("rotated");
    expect(timesOf(isRegenerate)).toEqual([minuteMs]);
  });

  test("too little time is left for that minute → pending at once", async () => {
    const processes = await gone();
    const now = processes.clock.now();
    const terms = { callTimeoutMs: 10 * second, deadline: now + callsOfRotation * 10 * second };
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, undefined, { terms });
    expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
    expect(timesOf(isRegenerate)).toEqual([]);
    expect(processes.clock.now() - now).toBe(20 * second);
  });

  test("its deletion ends within that minute → failed: recover it, and no key is regenerated", async () => {
    const processes = await startRotated(of);
    processes.holder.world = softDelete(processes.holder.world, of.secret, 30 * second);
    const { outcome } = await processes.rotate({ id: "b" });
    expect(outcome).toMatchObject({ kind: "failed", code: "secret-soft-deleted", effect: "unchanged" });
    expect(processes.regenerated()).toBe(1);
  });

  test("it is back within that minute → rotated at once, as its next version", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, undefined, {
      alter: (services) => ({
        ...services,
        clock: {
          ...services.clock,
          async sleep(ms) {
            await services.clock.sleep(ms);
            if (processes.versions().length === 0) processes.publish("x", { sequence: "7" });
          },
        },
      }),
    });
    expect(timesOf(isRegenerate)).toEqual([5 * second]);
    expect(outcome).toMatchObject({ kind: "rotated", sequence: 8 });
  });

  test("the deleted secrets cannot be read → failed, and no key is regenerated", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, on(isDeletedRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unchanged" });
    expect(timesOf(isRegenerate)).toEqual([]);
  });

  test("it cannot be read again → failed, and no key is regenerated", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, ({ operation }, afterMs) =>
      operation === "readLatest" && afterMs > 0 ? forbidden : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unchanged" });
    expect(timesOf(isRegenerate)).toEqual([]);
  });
});

test("a takeover cannot read the journal again → the effect is unknown", async () => {
  const processes = await startRotated(gateway());
  await processes.rotate({ id: "b" }, on(isRegenerate, "lostAfter"));
  await processes.wait(10 * minuteMs);
  let reads = 0;
  const { outcome, events } = await processes.rotate(
    { id: "c" },
    // The first read, and one after each of four writes.
    ({ operation }) => (operation === "readBlob" && ++reads > 5 ? forbidden : undefined),
    { alter: replaced("blobs", "write", () => async () => ({ kind: "conflict" })) },
  );
  expect(named(events, "GatewayKeyRotationDecided")).toMatchObject([{ decision: "takeOver" }]);
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "storage-forbidden",
    effect: "unknown",
    final: false,
  });
});
