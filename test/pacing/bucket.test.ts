import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenBucket } from "../../local/simulator/tokenBucket.ts";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import { createBucket } from "../../src/pacing/bucket.ts";
import { createGate } from "../../src/pacing/gate.ts";
import { mulberry32 } from "../simulation/random.ts";

interface Play {
  readonly capacity: number;
  readonly refillPerSecond: number;
  /** Calls at the same time, of each instance. */
  readonly concurrency: number;
  /** Of a call to and fro, in milliseconds; up to twice as long by chance. */
  readonly latencyMs: number;
  /** From being let through to the call. */
  readonly prepareMs: number;
  readonly calls: number;
  readonly seed: number;
  /** Of this application, each knowing nothing of the others. */
  readonly instances?: number;
  /** What another client takes each second, having taken half of what was there. */
  readonly othersPerSecond?: number;
  /** What the header says instead of the truth. */
  readonly header?: ((remaining: number, random: () => number) => number | undefined) | undefined;
  /** A limit of the resource provider's own, of which the header knows nothing. */
  readonly hidden?: { readonly capacity: number; readonly refillPerSecond: number };
}

interface Played {
  /** Calls that were answered by 429, and all. */
  readonly throttled: number;
  readonly sent: number;
  readonly seconds: number;
  /** What the bucket and the calls' own time allow. */
  readonly ideal: number;
}

async function play(terms: Play): Promise<Played> {
  const { capacity, refillPerSecond, concurrency, latencyMs, prepareMs, instances = 1 } = terms;
  const { othersPerSecond = 0, header = (remaining: number) => remaining } = terms;
  const clock = createVirtualClock(0);
  const random = mulberry32(terms.seed);
  const buckets = [terms, ...(terms.hidden === undefined ? [] : [terms.hidden])].map((limit) =>
    createTokenBucket(limit, clock.now),
  );
  const [shared] = buckets;
  let throttled = 0;
  let sent = 0;
  let over = false;

  async function others(): Promise<void> {
    for (let taken = 0; taken < capacity / 2; taken += 1) shared?.take();
    while (!over) {
      await clock.sleep((-Math.log(1 - random()) * 1000) / othersPerSecond);
      shared?.take();
    }
  }

  async function send() {
    sent += 1;
    await clock.sleep((latencyMs / 2) * (1 + random()));
    const refused = buckets.map((bucket) => bucket.take()).find(({ kind }) => kind === "empty");
    const remaining = header(shared?.remaining() ?? 0, random);
    await clock.sleep((latencyMs / 2) * (1 + random()));
    return {
      remaining,
      retryAfterMs: refused?.kind === "empty" ? refused.retryAfterSeconds * 1000 : undefined,
    };
  }

  async function instance(): Promise<void> {
    const gate = createGate(createBucket(), clock);
    let left = terms.calls / instances;
    async function work(name: string): Promise<void> {
      while (left > 0) {
        left -= 1;
        for (let done = false; !done; ) {
          if (!(await gate.pass(name, Number.POSITIVE_INFINITY)))
            throw new Error("It was given up for lack of time");
          await clock.sleep(prepareMs);
          const answer = await gate.call(name, send, (said) => ({
            ...said,
            throttled: said.retryAfterMs !== undefined,
          }));
          done = answer.retryAfterMs === undefined;
          if (!done) throttled += 1;
          await clock.sleep(answer.retryAfterMs ?? 0);
        }
      }
    }
    await Promise.all(Array.from({ length: concurrency }, (_, i) => work(`worker ${i}`)));
  }

  if (othersPerSecond > 0) void others();
  await clock.run(
    Promise.all(Array.from({ length: instances }, instance)).finally(() => {
      over = true;
    }),
  );
  const tokens = othersPerSecond > 0 ? capacity / 2 : capacity;
  const byBucket = (terms.calls - tokens) / (refillPerSecond - othersPerSecond);
  const byCalls = ((terms.calls / concurrency / instances) * (prepareMs + 1.5 * latencyMs)) / 1000;
  return { throttled, sent, seconds: clock.now() / 1000, ideal: Math.max(byBucket, byCalls, 0) };
}

const documented: Play = {
  capacity: 200,
  refillPerSecond: 10,
  concurrency: 8,
  latencyMs: 50,
  prepareMs: 50,
  calls: 1000,
  seed: 1,
};

const anyBucket = {
  concurrency: fc.integer({ min: 1, max: 64 }),
  latencyMs: fc.integer({ min: 10, max: 1000 }),
  prepareMs: fc.integer({ min: 0, max: 200 }),
  seed: fc.nat(),
};

describe("a bucket that nobody else uses", () => {
  test("as documented → no 429, and 97 % of what it gives", async () => {
    const { throttled, seconds, ideal } = await play(documented);
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.97);
  });

  test("fewer calls than it holds → as fast as without a limit", async () => {
    const few = { ...documented, calls: 150 };
    const unlimited = await play({ ...few, capacity: 1e9 });
    expect((await play(few)).seconds).toBe(unlimited.seconds);
  });

  test("of any size and any refill → no 429, whatever the calls take", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          ...anyBucket,
          capacity: fc.integer({ min: 100, max: 500 }),
          refillPerSecond: fc.double({ min: 1, max: 100, noNaN: true }),
        }),
        async (terms) => {
          const { throttled } = await play({
            ...terms,
            calls: Math.ceil(terms.capacity + 5 * terms.refillPerSecond),
          });
          expect(throttled).toBe(0);
        },
      ),
      { numRuns: 50, seed: 1 },
    );
  });

  test("much smaller and slower than documented → learned at once", async () => {
    const { throttled, seconds, ideal } = await play({
      ...documented,
      capacity: 20,
      refillPerSecond: 1,
      calls: 200,
    });
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.95);
  });

  test.each([1, 2, 3])(
    "large, and refilled far slower than its size promises (seed %i) → learned before it is empty",
    async (seed) => {
      const slow = {
        capacity: 450,
        refillPerSecond: 0.8,
        calls: 470,
        concurrency: 24,
        latencyMs: 40,
        prepareMs: 100,
      };
      const { throttled } = await play({ ...documented, ...slow, seed });
      expect(throttled).toBe(0);
    },
  );

  test("five times as large and as fast → used in full", async () => {
    const large = { capacity: 1000, refillPerSecond: 50, calls: 4000, concurrency: 32 };
    const { throttled, seconds, ideal } = await play({ ...documented, ...large });
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.97);
  });
});

describe("a bucket that others use too", () => {
  test.each([1, 2, 3, 4, 5])(
    "another client takes half, by chance (seed %i) → at most one 429 in a hundred",
    async (seed) => {
      const { throttled, sent, seconds, ideal } = await play({ ...documented, othersPerSecond: 5, seed });
      expect(throttled / sent).toBeLessThanOrEqual(0.01);
      expect(ideal / seconds).toBeGreaterThan(0.9);
    },
  );

  test.each([1, 2, 3, 4, 5])(
    "our own other instance (seed %i) → at most one 429 in a hundred, and nothing is left unused",
    async (seed) => {
      const { throttled, sent, seconds, ideal } = await play({ ...documented, instances: 2, seed });
      expect(throttled / sent).toBeLessThanOrEqual(0.01);
      expect(ideal / seconds).toBeGreaterThan(0.95);
    },
  );

  test("the other one stops → all of the refill is used again", async () => {
    const alone = await play({ ...documented, calls: 600 });
    const together = await play({ ...documented, calls: 600, instances: 2 });
    expect(together.seconds).toBeLessThan(1.1 * alone.seconds);
  });
});

describe("a header that is wrong", () => {
  test.each<[string, Play["header"]]>([
    ["missing", () => undefined],
    ["not a number", () => Number.NaN],
    ["negative", () => -1],
    ["infinite", () => Number.POSITIVE_INFINITY],
    ["growing", (remaining) => 1e9 - remaining],
    ["by chance anything", (_, random) => Math.floor(random() * 1e9)],
    ["of another bucket half of the time", (remaining, random) => (random() < 0.5 ? 200 : remaining)],
    ["huge once, and right from then on", (remaining, random) => (random() < 0.01 ? 1e12 : remaining)],
  ])("%s, where there is no limit → nobody waits for long", async (_, header) => {
    const terms = { ...documented, calls: 400, capacity: 1e6 };
    const { seconds, ideal } = await play({ ...terms, header });
    expect(seconds).toBeLessThan(2 * ideal + 2);
  });

  test("always zero, where there is no limit → still one call a second", async () => {
    const { seconds } = await play({ ...documented, calls: 100, capacity: 1e6, header: () => 0 });
    expect(seconds).toBeLessThan(120);
  });

  test.each<[string, Play["header"]]>([
    ["missing", () => undefined],
    ["always 200", () => 200],
  ])("%s, where the limit is as documented → felt for by what is refused", async (_, header) => {
    const { throttled, sent, seconds, ideal } = await play({ ...documented, header });
    expect(throttled / sent).toBeLessThan(0.05);
    expect(seconds).toBeLessThan(2 * ideal);
  });

  test("plenty, while the resource provider allows 5 a second → few are refused, and its limit is used", async () => {
    const hidden = { capacity: 10, refillPerSecond: 5 };
    const terms = { ...documented, capacity: 1e6, calls: 500, hidden };
    const { throttled, sent, seconds } = await play(terms);
    expect(throttled / sent).toBeLessThan(0.05);
    expect(seconds).toBeLessThan((1.5 * 500) / 5);
  });
});

describe("one answer", () => {
  test("nothing heard yet → the first goes at once, the next a moment later", () => {
    const bucket = createBucket();
    expect(bucket.waitMs(0, 0)).toBe(0);
    bucket.letThrough(0);
    expect(bucket.waitMs(0, 1)).toBe(100);
  });

  test("429 with Retry-After → closed for everybody until then", () => {
    const bucket = createBucket();
    const call = bucket.sent(0);
    bucket.answered(call, 50, { throttled: true, retryAfterMs: 7000 });
    expect(bucket.waitMs(60, 0)).toBe(6990);
    expect(bucket.waitMs(7050, 0)).toBe(0);
  });

  test("an older answer that comes late → what a newer one said stands", () => {
    const bucket = createBucket();
    const [older, newer] = [bucket.sent(0), bucket.sent(1)];
    bucket.answered(newer, 50, { remaining: 100, throttled: false });
    bucket.answered(older, 60, { remaining: 0, throttled: false });
    expect(bucket.waitMs(60, 0)).toBe(0);
  });
});
