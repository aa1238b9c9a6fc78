import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  afterStore,
  answering,
  callTimeoutMs,
  type Deliver,
  forbidden,
  isJournalWrite,
  isPreflight,
  isRead,
  isRegenerate,
  isStorage,
  isStore,
  minuteMs,
  refusing,
  replaced,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const lost: Deliver = answering(isRegenerate, "lostAfter");
const moved = (of: Gateway): Gateway => ({ ...of, secret: { ...of.secret, secretName: "moved" } });
const hourMs = 60 * minuteMs;

describe("an unknown effect, then a refusal", () => {
  test("in one invocation → the intent stays open, and only the second attempt is marked unchanged", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate({}, answering(isRegenerate, "lostAfter", forbidden));
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "regenerate-forbidden",
      effect: "unknown",
      final: false,
    });
    const attempts = processes.journal().intent?.attempts.map(({ known }) => known);
    expect(attempts).toEqual(["unknown", "unchanged"]);
  });

  test.each([
    ["one key", gateway()],
    ["two keys", runtime()],
  ])(
    "%s, in two invocations → the intent stays open, and only the last attempt is unchanged",
    async (_, of) => {
      const processes = await startRotated(of);
      await processes.rotate({ id: "b" }, lost);
      await processes.wait(hourMs);
      const { outcome } = await processes.rotate({ id: "b" }, refusing(isRegenerate));
      expect(outcome).toMatchObject({ kind: "failed", effect: "unknown", final: false });
      const attempts = processes.journal().intent?.attempts.map(({ known }) => known);
      expect(attempts?.at(-1)).toBe("unchanged");
      expect(new Set(attempts?.slice(0, -1))).toEqual(new Set(["unknown"]));
    },
  );
});

test("refusals alone → the intent is withdrawn, and the journal only gains the failure", async () => {
  const processes = await startRotated(gateway());
  const before = processes.journal();
  const { outcome } = await processes.rotate({ id: "b" }, refusing(isRegenerate));
  expect(outcome).toMatchObject({ kind: "failed", effect: "unchanged", final: true });
  expect(before).toMatchObject({ failure: null });
  expect(processes.journal()).toEqual({
    ...before,
    failure: expect.objectContaining({ code: "regenerate-forbidden", keyWorks: true }),
  });
});

test("a withdrawal's answer is lost, and another runner records a failure → withdrawn", async () => {
  const processes = await startRotated(gateway());
  const [first] = await processes.together((rotate, later) => {
    let refused = false;
    return [
      rotate({ id: "b" }, (call, afterMs) => {
        refused ||= isRegenerate(call);
        if (isRegenerate(call)) return forbidden;
        return refused && isStorage(call) && afterMs < 3000 ? "lostAfter" : undefined;
      }),
      later(1000, () => rotate({ id: "c" }, refusing(isRead))),
    ];
  });
  expect(first?.outcome).toMatchObject({
    kind: "failed",
    code: "regenerate-forbidden",
    effect: "unchanged",
    final: true,
  });
});

describe("the gateway has another secret now", () => {
  test("a rotation into it stays open → the journal names it, and an older run skips the gateway", async () => {
    const processes = await startRotated(runtime());
    const createdAt = processes.clock.now();
    await processes.wait(minuteMs);
    const as = moved(runtime());
    await processes.rotate({ id: "b" }, lost, { as });
    expect(processes.journal()).toMatchObject({ secretName: "moved", intent: {} });
    const older = await processes.rotate({}, undefined, { terms: { createdAt } });
    expect(older.outcome).toMatchObject({ kind: "skipped", reason: "superseded", verifyAt: undefined });
  });

  test("a rotation into it is refused → the journal names the secret that has the key", async () => {
    const processes = await startRotated(runtime());
    const refused: Deliver = refusing(isRegenerate);
    await processes.rotate({ id: "b" }, refused, { as: moved(runtime()) });
    expect(processes.journal()).toMatchObject({ secretName: runtime().secret.secretName, intent: null });
  });
});

describe("storage, from a refused regenerate on", () => {
  /** Refuses the regenerate, and the calls of storage of a kind that come after it. */
  const alsoRefusing = (isRefused: typeof isStorage): Deliver => {
    let refused = false;
    return (call) => {
      refused ||= isRegenerate(call);
      return isRegenerate(call) || (refused && isRefused(call)) ? forbidden : undefined;
    };
  };

  test("refuses the withdrawal → the key is unchanged, and the open intent is tried again", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate({}, alsoRefusing(isStorage));
    expect(outcome).toMatchObject({ kind: "failed", effect: "unchanged", final: false });
    expect(processes.journal().intent).not.toBeNull();
  });

  test("refuses the withdrawal until the claim has run out → the effect is unknown", async () => {
    const processes = startProcesses(gateway());
    const slowly = replaced("blobs", "write", (write, clock) => async (...call) => {
      const written = await write(...call);
      if (written.kind !== "written") await clock.sleep(5 * callTimeoutMs);
      return written;
    });
    const { outcome } = await processes.rotate({}, alsoRefusing(isJournalWrite), { alter: slowly });
    expect(outcome).toMatchObject({ kind: "failed", effect: "unknown", final: false });
  });
});

test("storage refuses the first claim → failed, and no regenerate is sent", async () => {
  const processes = startProcesses(gateway());
  const { outcome, timesOf } = await processes.rotate({}, refusing(isJournalWrite));
  expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden", effect: "unchanged" });
  expect(timesOf(isRegenerate)).toEqual([]);
});

test("storage refuses the claim of a second attempt → the first attempt's effect is reported", async () => {
  const processes = startProcesses(gateway());
  let sent = 0;
  const { outcome } = await processes.rotate({}, (call) => {
    if (isRegenerate(call)) sent += 1;
    if (isRegenerate(call)) return "lostBefore";
    return sent > 0 && isJournalWrite(call) ? forbidden : undefined;
  });
  expect(sent).toBe(1);
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "storage-forbidden",
    effect: "unknown",
    final: false,
  });
});

test.each([
  ["the next attempt is to be claimed", isJournalWrite],
  ["the vault refuses the next preflight", isPreflight],
])("the journal is deleted by hand, and %s → no further regenerate", async (_, isNext) => {
  const processes = startProcesses(gateway());
  const { outcome, timesOf } = await processes.rotate({}, (call, afterMs) => {
    if (isRegenerate(call)) return { kind: "refused", code: "throttled-for-long" };
    if (afterMs === 0 || !isNext(call)) return undefined;
    processes.deleteJournal();
    return isPreflight(call) ? forbidden : undefined;
  });
  expect(timesOf(isRegenerate)).toHaveLength(1);
  expect(outcome).toMatchObject({ kind: "pending", reason: "overtaken" });
});

describe("a key waits for the vault, and its claim is not extended", () => {
  const untilMs = 6 * minuteMs;
  const waits: Deliver = (call, afterMs) => (isStore(call) && afterMs < untilMs ? forbidden : undefined);

  test("another runner takes over → this runner stops, and does not change the other's intent", async () => {
    const processes = startProcesses(gateway());
    const [first, second] = await processes.together((rotate, later) => [
      rotate({}, (call, afterMs) => {
        const isOutage = afterMs > 0 && afterMs < 4 * minuteMs;
        return isStorage(call) && isOutage ? forbidden : waits(call, afterMs);
      }),
      later(3 * minuteMs, () => rotate({ id: "b" }, waits)),
    ]);
    expect(first?.outcome).toMatchObject({ kind: "pending", reason: "overtaken" });
    expect(second?.outcome.kind).toBe("rotated");
    expect(processes.regenerated()).toBe(2);
    expect(processes.versions()).toHaveLength(1);
    expect(processes.works()).toBe(true);
  });

  test("an operator deletes the journal → the runner stops, and a later one stores another key", async () => {
    const processes = startProcesses(gateway());
    let deleted = false;
    const { outcome } = await processes.rotate({}, (call, afterMs) => {
      if (!deleted && afterMs > minuteMs) {
        deleted = true;
        processes.deleteJournal();
      }
      return waits(call, afterMs);
    });
    expect(deleted).toBe(true);
    expect(outcome).toMatchObject({ kind: "pending", reason: "overtaken" });
    expect((await processes.rotate()).outcome.kind).toBe("rotated");
    expect(processes.works()).toBe(true);
  });

  test("the extension was written, but reading it back fails at first → the key is not dropped", async () => {
    const processes = startProcesses(gateway());
    let writes = 0;
    let reads = 0;
    const { outcome } = await processes.rotate({}, (call, afterMs) => {
      if (isStorage(call) && afterMs > 0) {
        if (isJournalWrite(call)) return ++writes === 1 ? "lostAfter" : undefined;
        // The read after the lost answer fails, and so does the one after the conflict of the next try.
        if (writes > 0 && [1, 3].includes(++reads)) return forbidden;
      }
      return waits(call, afterMs);
    });
    expect(reads).toBeGreaterThanOrEqual(3);
    expect(outcome.kind).toBe("rotated");
    expect(processes.regenerated()).toBe(1);
  });
});

/** Each regenerate takes so long. */
const taking = (ms: number) =>
  replaced("keys", "regenerate", (regenerate, clock) => async (...request) => {
    const answer = await regenerate(...request);
    await clock.sleep(ms);
    return answer;
  });

test("two runs begin at once → one rotates the gateway, and the other is overtaken", async () => {
  const processes = startProcesses(gateway());
  const both = await processes.together((rotate) =>
    ["a", "b"].map((id) => rotate({ id }, undefined, { alter: taking(1000) })),
  );
  expect(both.map(({ outcome }) => outcome.kind).toSorted()).toEqual(["pending", "rotated"]);
  expect(processes.regenerated()).toBe(1);
});

test("another runner takes over while the regenerate is under way and is refused → overtaken", async () => {
  const processes = startProcesses(gateway());
  const [first, second] = await processes.together((rotate, later) => [
    rotate({}, refusing(isRegenerate), { alter: taking(10 * minuteMs) }),
    later(5 * minuteMs, () => rotate({ id: "b" })),
  ]);
  expect(second?.outcome.kind).toBe("rotated");
  expect(first?.outcome).toMatchObject({ kind: "pending", reason: "overtaken" });
});

test("storage refuses the commit until the deadline → no try begins after it", async () => {
  const processes = startProcesses(gateway());
  const deadlineMs = 10 * minuteMs;
  const { outcome, timesOf } = await processes.rotate({}, afterStore(isJournalWrite, forbidden), {
    terms: { deadline: processes.clock.now() + deadlineMs },
  });
  expect(outcome).toMatchObject({ kind: "rotated", isCommitted: false });
  expect(timesOf(isJournalWrite).at(-1)).toBeLessThanOrEqual(deadlineMs);
});
