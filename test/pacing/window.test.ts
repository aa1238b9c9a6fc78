import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import { createGate } from "../../src/pacing/gate.ts";
import { createWindow } from "../../src/pacing/window.ts";
import { mulberry32 } from "../support/mulberry32.ts";

test("any number of writers of any speed → never more than 300 writes in ten seconds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(),
      async (writers, latencyMs, seed) => {
        const clock = createVirtualClock(0);
        const random = mulberry32(seed);
        const gate = createGate(createWindow(), clock);
        const arrivals: number[] = [];
        async function write(writer: string): Promise<void> {
          for (let version = 0; version < Math.ceil(700 / writers); version += 1) {
            await gate.pass(writer, Number.POSITIVE_INFINITY);
            await clock.sleep(latencyMs * random());
            await gate.call(writer, async () => {
              await clock.sleep(latencyMs * random());
              arrivals.push(clock.now());
              await clock.sleep(latencyMs * random());
              return { kind: "stored" };
            });
          }
        }
        await clock.run(Promise.all(Array.from({ length: writers }, (_, i) => write(`writer ${i}`))));
        arrivals.sort((a, b) => a - b);
        for (const [i, first] of arrivals.entries()) {
          expect((arrivals[i + 300] ?? Number.POSITIVE_INFINITY) - first).toBeGreaterThanOrEqual(10_000);
        }
      },
    ),
    { numRuns: 40, seed: 1 },
  );
});

function answer(window: ReturnType<typeof createWindow>, call: number, at: number): void {
  window.sent(at);
  window.answered(call, at, undefined);
}

test("fewer calls than the window holds → no wait", () => {
  const window = createWindow();
  for (let call = 0; call < 280; call += 1) answer(window, call, call);
  expect(window.waitMs(300, 0)).toBe(0);
});

test("a full window → a wait until its oldest call is ten seconds old", () => {
  const window = createWindow();
  for (let call = 0; call < 285; call += 1) answer(window, call, 1000 + call);
  expect(window.waitMs(2000, 0)).toBe(9000);
  expect(window.waitMs(2000, 4)).toBe(9004);
  expect(window.waitMs(11_000, 0)).toBe(0);
});

/** A window in which the vault accepted so many versions, one a millisecond, and refused one at 1 s until 2 s. */
function refusedAfter(accepted: number) {
  const window = createWindow();
  for (let call = 0; call < accepted; call += 1) answer(window, call, call);
  window.sent(1000);
  window.refused(1000, 2000);
  return window;
}

test("a 429 after 4 versions → room for the fifth when the first is ten seconds old", () => {
  const window = refusedAfter(4);
  expect(window.waitMs(2000, 0)).toBe(8000);
  expect(window.waitMs(10_000, 0)).toBe(0);
});

test("a 429 before the vault accepted anything → one version at a time", () => {
  const window = refusedAfter(0);
  expect(window.waitMs(2000, 0)).toBe(0);
  expect(window.waitMs(2000, 1)).toBe(10_000);
});

test("no further 429 → a quarter more with every ten seconds, at least one, up to the documented limit", () => {
  const window = refusedAfter(4);
  const most = (now: number) => {
    let promised = 0;
    while (window.waitMs(now, promised) === 0) promised += 1;
    return promised;
  };
  expect([11, 12, 22, 32, 42, 52].map((second) => most(second * 1000))).toEqual([4, 5, 6, 7, 8, 10]);
  expect(most(400_000)).toBe(285);
});

test("answers under way show that the vault accepts more → it gets as many", () => {
  const window = createWindow();
  for (let call = 0; call < 4; call += 1) window.sent(0);
  window.refused(10, 1010);
  for (let call = 1; call < 4; call += 1) window.answered(call, 20, undefined);
  expect(window.waitMs(10_020, 2)).toBe(0);
  expect(window.waitMs(10_020, 3)).toBeGreaterThan(0);
});

test("a version that was refused with 429 → does not count", () => {
  const window = createWindow();
  for (let call = 0; call < 284; call += 1) answer(window, call, 0);
  window.sent(0);
  window.refused(0, 1000);
  answer(window, 300, 1000);
  expect(window.waitMs(10_000, 283)).toBe(0);
});
