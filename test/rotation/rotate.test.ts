import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  answering,
  callTimeoutMs,
  type Deliver,
  forbidden,
  isJournalWrite,
  isPreflight,
  isRegenerate,
  minuteMs,
  named,
  replaced,
  startProcesses,
  startRotated,
  throttled,
} from "./oneProcess.ts";

const second = 1000;

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
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });

  test("an outage of 10 minutes → attempts until its end, pauses grow to 30 s, a preflight for each", async () => {
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

test("a two-key gateway after an unknown effect → one attempt, and it waits for the quiet period", async () => {
  const processes = await startRotated(runtime());
  const { outcome, timesOf } = await processes.rotate({ id: "b" }, lostUntil(3 * second));
  expect(timesOf(isRegenerate)).toEqual([0]);
  expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-connection-lost", effect: "unknown" });
  expect(processes.works()).toBe(true);
  const made = processes.regenerated();
  expect((await processes.rotate({ id: "b" })).outcome).toMatchObject({ kind: "pending" });
  expect(processes.regenerated()).toBe(made);
  await processes.wait(60 * minuteMs);
  expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
});

test("throttled on every attempt, and no effect is unknown → four attempts, and the intent is withdrawn", async () => {
  const processes = startProcesses(gateway());
  const { outcome, timesOf } = await processes.rotate({}, answering(isRegenerate, throttled));
  // Pauses of 1, 2 and 4 s; in each of the first two, the subscription's reserve takes longer to fill again.
  expect(timesOf(isRegenerate)).toEqual([0, 2100, 4200, 8200]);
  expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-throttled", effect: "unchanged" });
  expect(processes.journal().intent).toBeNull();
});

test("asked to wait beyond the deadline → failed at once", async () => {
  const processes = startProcesses(gateway());
  const forLong = answering(isRegenerate, { kind: "refused", code: "throttled-for-long" });
  const deadline = processes.clock.now() + 4 * minuteMs;
  const { outcome, timesOf } = await processes.rotate({}, forLong, { terms: { deadline } });
  expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-throttled" });
  expect(timesOf(() => true).at(-1)).toBe(0);
});

test.each([
  ["one key", gateway(), 100],
  ["two keys", runtime(), 0],
])("%s, 40 ms to regenerate the key and 60 ms to store it → exposed for $2 ms", async (_, of, exposureMs) => {
  const slowRegenerate = replaced("keys", "regenerate", (regenerate, clock) => async (...call) => {
    await clock.sleep(40);
    return regenerate(...call);
  });
  const slowStore = replaced("secrets", "write", (write, clock) => async (...call) => {
    await clock.sleep(60);
    return write(...call);
  });
  const { outcome } = await startProcesses(of).rotate({}, undefined, {
    alter: (services) => slowStore(slowRegenerate(services)),
  });
  expect(outcome).toMatchObject({ kind: "rotated", exposureMs });
});

test.each([
  ["one key", gateway()],
  ["two keys", runtime()],
])("%s, and the vault does not answer the preflight → failed, and no key is touched", async (_, of) => {
  const processes = startProcesses(of);
  const { outcome } = await processes.rotate({}, answering(isPreflight, "lostBefore"));
  expect(outcome).toMatchObject({ kind: "failed", code: "vault-takes-no-writes", effect: "unchanged" });
  expect(processes.regenerated()).toBe(0);
});

test("the claim's write is slow, and storage refuses to extend it → nothing is sent, failed by storage", async () => {
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

test("a key was stored, long after the preflight → the next rotation needs no preflight of its own", async () => {
  const { outcome, timesOf } = await startProcesses(runtime()).rotate({ mode: "compromised" }, undefined, {
    alter: replaced("keys", "regenerate", (regenerate, clock) => async (...request) => {
      await clock.sleep(6 * minuteMs);
      return regenerate(...request);
    }),
  });
  expect(outcome).toMatchObject({ kind: "rotated", sequence: 2 });
  expect(timesOf(isPreflight)).toEqual([0]);
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

  test("one key, published in quotes by hand → unknown: another attempt, and its key is published", async () => {
    const of = gateway();
    const processes = startProcesses(of);
    const { key = "" } = liveKeys(processes.holder.world, of.target);
    processes.publish(`"${key}"`);
    const { outcome } = await processes.rotate({}, undefined, { alter: repeating(() => key) });
    expect(outcome.kind).toBe("rotated");
    expect(processes.works()).toBe(true);
  });

  test("two keys, and the answer is the slot's older key, which was listed → failed as unknown", async () => {
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
});

test("a rotation that another run began → belongs to that run", async () => {
  const processes = startProcesses(gateway());
  await processes.rotate({ id: "a" }, lostUntil(Infinity));
  const { outcome, events } = await processes.rotate({ id: "b" });
  expect(named(events, "GatewayKeyRotationDecided")).toMatchObject([{ decision: "takeOver" }]);
  expect(outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
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

test("a later attempt's preflight is refused, and so is the withdrawal → not final", async () => {
  const processes = startProcesses(gateway());
  // The claim must outlast the five minutes of a preflight.
  const terms = { callTimeoutMs: 90 * second };
  const deliver: Deliver = (call, afterMs) => {
    if (isRegenerate(call)) return { kind: "refused", code: "throttled-for-long" };
    return afterMs > 0 && (isPreflight(call) || isJournalWrite(call)) ? forbidden : undefined;
  };
  const { outcome, timesOf } = await processes.rotate({}, deliver, { terms });
  expect(timesOf(isRegenerate)).toHaveLength(1);
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "vault-takes-no-writes",
    effect: "unchanged",
    final: false,
  });
  expect(processes.journal().intent).not.toBeNull();
});

describe("the sequence of a new version", () => {
  const sequences = (processes: ReturnType<typeof startProcesses>) =>
    processes.versions().map(({ tags }) => tags["sequence"]);

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
