import { expect, test } from "vitest";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { type CallLimit, createGate } from "../../src/pacing/gate.ts";

/** A gate before a limit that has room for so many calls at the same time. */
function stage(room: number) {
  const clock = createVirtualClock(0);
  let underWay = 0;
  const limit: CallLimit = {
    waitMs: (_now, promised) => (underWay + promised < room ? 0 : 100),
    sent() {
      underWay += 1;
    },
    answered() {
      underWay -= 1;
    },
    refused() {
      underWay -= 1;
    },
  };
  const gate = createGate(limit, clock);
  const call = (who: string, answer: Answer, ms = 0) =>
    gate.call(who, () => clock.sleep(ms).then(() => answer));
  /** @returns when the caller passed; undefined: it would have been too late */
  const passedAt = async (who: string, lastStart = 60_000) =>
    (await gate.pass(who, lastStart)) ? clock.now() : undefined;
  return { clock, gate, call, passedAt };
}

interface Answer {
  readonly kind: string;
  readonly problem?: CallProblem;
}

const taken: Answer = { kind: "taken" };

const refused = (retryAfterMs?: number): Answer => ({
  kind: "refused",
  problem: { code: "throttled", message: "429", transient: true, retryAfterMs },
});

test("429 with Retry-After → no caller passes before that, even with room", async () => {
  const { clock, gate, call, passedAt } = stage(100);
  await clock.run(call("a", refused(7000), 50));
  expect(gate.tryPass("b")).toBe(false);
  expect(await clock.run(passedAt("b"))).toBe(7050);
});

test("429 without Retry-After → no caller passes for a second", async () => {
  const { clock, call, passedAt } = stage(100);
  await clock.run(call("a", refused()));
  expect(await clock.run(passedAt("b"))).toBe(1000);
});

test("a 503 with Retry-After → other callers pass", async () => {
  const { clock, gate, call } = stage(100);
  const problem: CallProblem = { code: "server-error", message: "503", transient: true, retryAfterMs: 7000 };
  await clock.run(call("a", { kind: "unclear", problem }));
  expect(gate.tryPass("b")).toBe(true);
});

test("a shorter Retry-After follows a longer one → the longer one counts", async () => {
  const { clock, call, passedAt } = stage(100);
  await clock.run(call("a", refused(9000)));
  await clock.run(call("b", refused(1000)));
  expect(await clock.run(passedAt("c"))).toBe(9000);
});

test("no room → callers pass in the order in which they came", async () => {
  const { clock, call, passedAt } = stage(1);
  const order: string[] = [];
  const work = async (who: string) => {
    await passedAt(who);
    order.push(who);
    await call(who, taken, 1000);
  };
  await clock.run(Promise.all(["a", "b", "c"].map(work)));
  expect(order).toEqual(["a", "b", "c"]);
});

test("room again while a caller is in line → a new caller does not overtake it", async () => {
  const { clock, gate, call, passedAt } = stage(1);
  const inLine = clock.sleep(10).then(() => passedAt("b"));
  const triedAt1070 = clock.sleep(1070).then(() => gate.tryPass("c"));
  await clock.run(Promise.all([call("a", taken, 1050), inLine, triedAt1070]));
  expect(await inLine).toBe(1110);
  expect(await triedAt1070).toBe(false);
});

test("a wait would end after the last start → false at once, and the next caller's turn", async () => {
  const { clock, call, passedAt } = stage(100);
  await clock.run(call("a", refused(5000)));
  const turns = Promise.all([passedAt("b", 4000), passedAt("c")]);
  expect(await clock.run(turns)).toEqual([undefined, 5000]);
});

test("there is room, but the last start is over → false", async () => {
  const { clock, passedAt } = stage(100);
  await clock.run(clock.sleep(2000));
  expect(await clock.run(passedAt("a", 1000))).toBeUndefined();
});

test("a caller passed and has sent nothing → it passes again, and keeps its room", () => {
  const { gate } = stage(1);
  expect(gate.tryPass("a")).toBe(true);
  expect(gate.tryPass("a")).toBe(true);
  expect(gate.tryPass("b")).toBe(false);
});

test("a caller passed and leaves → its room is free", () => {
  const { gate } = stage(1);
  expect(gate.tryPass("a")).toBe(true);
  gate.leave("a");
  expect(gate.tryPass("b")).toBe(true);
});

test("a key in hand reserves the room → a caller in line waits until that call is sent and answered", async () => {
  const { clock, gate, call, passedAt } = stage(1);
  expect(gate.reserve("key")).toBe(0);
  expect(gate.tryPass("other")).toBe(false);
  const passed = passedAt("other");
  await clock.run(clock.sleep(350));
  expect(await clock.run(Promise.all([call("key", taken), passed]).then(([, at]) => at))).toBe(400);
});

test("more keys in hand than room → they come in the order in which they asked first", async () => {
  const { clock, gate, call } = stage(1);
  expect(["a", "b"].map(gate.reserve)).toEqual([0, 100]);
  expect(["b", "a"].map(gate.reserve)).toEqual([100, 0]);
  await clock.run(call("a", taken));
  expect(gate.reserve("b")).toBe(0);
});
