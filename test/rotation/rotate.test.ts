import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { RotationServices } from "../../src/rotation/services.ts";
import { writeOutside } from "../simulation/models/outsideChanges.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  callTimeoutMs,
  type Deliver,
  forbidden,
  isJournalWrite,
  isRegenerate,
  minuteMs,
  named,
  startProcesses,
} from "./oneProcess.ts";

const second = 1000;

/** Loses the answers of all calls of a kind that are sent before a time. */
const lostUntil =
  (untilMs: number, matches: Parameters<typeof Array.prototype.filter>[0] = isRegenerate): Deliver =>
  (call, afterMs) =>
    matches(call, 0, []) && afterMs < untilMs ? "lostAfter" : undefined;

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
    const preflights = timesOf(
      ({ operation, payload }) => operation === "write" && payload.includes("Not a key"),
    );
    for (const at of sent)
      expect(Math.min(...preflights.map((done) => at - done).filter((ms) => ms >= 0))).toBeLessThan(
        5 * minuteMs,
      );
  });

  test("503 with Retry-After → waits as long as the service asks", async () => {
    const processes = startProcesses(gateway());
    let first = true;
    const asking = (services: RotationServices): RotationServices => ({
      ...services,
      keys: {
        ...services.keys,
        async regenerate(...request) {
          const answer = await services.keys.regenerate(...request);
          if (answer.kind !== "unknown" || !first) return answer;
          first = false;
          return { ...answer, problem: { ...answer.problem, retryAfterMs: 17 * second } };
        },
      },
    });
    const { timesOf } = await processes.rotate({}, lostUntil(1), {}, asking);
    expect(timesOf(isRegenerate)).toEqual([0, 17 * second]);
  });

  test("then 429s → tried again as well: its key may be dead", async () => {
    const processes = startProcesses(gateway());
    const { outcome, timesOf } = await processes.rotate({}, (call, afterMs) => {
      if (!isRegenerate(call)) return undefined;
      if (afterMs === 0) return "lostAfter";
      return afterMs < minuteMs ? { kind: "refused", code: "throttled" } : undefined;
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
  const processes = startProcesses(runtime());
  await processes.rotate();
  const { outcome, timesOf } = await processes.rotate({ id: "b" }, lostUntil(3 * second));
  expect(timesOf(isRegenerate)).toEqual([0]);
  expect(outcome).toMatchObject({ kind: "failed", effect: "unknown" });
  expect(processes.works()).toBe(true);
});

test("throttled for ever, and no effect is unknown → four attempts, and the intent is withdrawn", async () => {
  const processes = startProcesses(gateway());
  const { outcome, timesOf } = await processes.rotate({}, (call) =>
    isRegenerate(call) ? { kind: "refused", code: "throttled" } : undefined,
  );
  expect(timesOf(isRegenerate)).toHaveLength(4);
  expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-throttled", effect: "unchanged" });
  expect(processes.journal().intent).toBeNull();
});

test("the claim's write is slow, and storage does not extend the claim → nothing is sent, and storage is named", async () => {
  const processes = startProcesses(gateway());
  const slowFirstWrite = (services: RotationServices): RotationServices => {
    let isFirst = true;
    return {
      ...services,
      blobs: {
        ...services.blobs,
        async write(...write) {
          const written = await services.blobs.write(...write);
          if (isFirst) await services.clock.sleep(100 * second);
          isFirst = false;
          return written;
        },
      },
    };
  };
  const { outcome, timesOf } = await processes.rotate(
    {},
    (call, afterMs) => (isJournalWrite(call) && afterMs > 0 ? forbidden : undefined),
    {},
    slowFirstWrite,
  );
  expect(timesOf(isRegenerate)).toEqual([]);
  expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden", effect: "unchanged" });
});

describe("200 with the key that is published already", () => {
  /** Answers the first regenerate with the published key. */
  const repeating = (published: () => string) => {
    let first = true;
    return (services: RotationServices): RotationServices => ({
      ...services,
      keys: {
        ...services.keys,
        async regenerate(...request) {
          const answer = await services.keys.regenerate(...request);
          if (answer.kind !== "applied" || !first) return answer;
          first = false;
          return { ...answer, key: redact(published()) };
        },
      },
    });
  };

  test("one key → unknown: another attempt, and its key is published", async () => {
    const processes = startProcesses(gateway());
    await processes.rotate();
    const old = processes.versions().at(-1)?.value ?? "";
    const { outcome } = await processes.rotate(
      { id: "b" },
      undefined,
      {},
      repeating(() => old),
    );
    expect(outcome.kind).toBe("rotated");
    expect(processes.versions()).toHaveLength(2);
    expect(processes.works()).toBe(true);
  });

  test("two keys, the slot's own key before, which was listed → the same", async () => {
    const of = runtime();
    const processes = startProcesses(of);
    const { authKey1 = "", authKey2 = "" } = liveKeys(processes.holder.world, of.target);
    processes.holder.world = writeOutside(processes.holder.world, of.secret, { value: authKey1, tags: {} });
    const { outcome, timesOf } = await processes.rotate(
      {},
      undefined,
      {},
      repeating(() => authKey2),
    );
    expect(
      timesOf(({ operation, subject }) => operation === "regenerate" && subject.endsWith("authKey2")),
    ).toHaveLength(1);
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-no-key-in-answer", effect: "unknown" });
    expect(processes.versions()).toHaveLength(1);
  });

  test("two keys → failed as unknown, and nothing is stored", async () => {
    const processes = startProcesses(runtime());
    await processes.rotate();
    const old = processes.versions().at(-1)?.value ?? "";
    const { outcome } = await processes.rotate(
      { id: "b" },
      undefined,
      {},
      repeating(() => old),
    );
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-no-key-in-answer", effect: "unknown" });
    expect(processes.versions()).toHaveLength(1);
  });
});
