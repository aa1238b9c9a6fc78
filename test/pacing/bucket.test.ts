import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenBucket } from "../../local/simulator/tokenBucket.ts";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { createBucket } from "../../src/pacing/bucket.ts";
import { createGate } from "../../src/pacing/gate.ts";
import { mulberry32 } from "../support/mulberry32.ts";

interface Play {
  readonly capacity: number;
  readonly refillPerSecond: number;
  /** Calls at the same time, of each instance. */
  readonly concurrency: number;
  /** How long a call takes, in milliseconds: at random up to twice as long. */
  readonly latencyMs: number;
  /** How long a caller that was let through takes until it sends its call, in milliseconds. */
  readonly prepareMs: number;
  readonly calls: number;
  readonly seed: number;
  /** Instances of this application; they share nothing but the bucket. */
  readonly instances?: number;
  /** What another client takes each second, after it has taken half of the full bucket. */
  readonly othersPerSecond?: number;
  /** What the header says instead of the truth. */
  readonly header?: ((remaining: number, random: () => number) => number | undefined) | undefined;
  /** A limit of the resource provider's own, which the header does not show. */
  readonly hidden?: { readonly capacity: number; readonly refillPerSecond: number };
}

interface Played {
  /** Calls that were answered with 429. */
  readonly throttled: number;
  /** All calls. */
  readonly sent: number;
  readonly seconds: number;
  /** The shortest time that the bucket and the calls allow, in seconds. */
  readonly ideal: number;
}

interface CountedAnswer {
  readonly kind: string;
  readonly remaining: number | undefined;
  readonly problem?: CallProblem;
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

  async function send(): Promise<CountedAnswer> {
    sent += 1;
    await clock.sleep((latencyMs / 2) * (1 + random()));
    const refused = buckets.map((bucket) => bucket.take()).find(({ kind }) => kind === "empty");
    const remaining = header(shared?.remaining() ?? 0, random);
    await clock.sleep((latencyMs / 2) * (1 + random()));
    if (refused?.kind !== "empty") return { kind: "taken", remaining };
    const retryAfterMs = refused.retryAfterSeconds * 1000;
    const problem = { code: "throttled" as const, message: "429", transient: true, retryAfterMs };
    return { kind: "refused", remaining, problem };
  }

  async function instance(): Promise<void> {
    const gate = createGate(createBucket(), clock);
    let left = terms.calls / instances;
    async function work(name: string): Promise<void> {
      while (left > 0) {
        left -= 1;
        for (let done = false; !done; ) {
          if (!(await gate.pass(name, Number.POSITIVE_INFINITY)))
            throw new Error("The gate gave up for lack of time");
          await clock.sleep(prepareMs);
          const { problem } = await gate.call(name, send, ({ remaining }) => remaining);
          done = problem === undefined;
          if (!done) throttled += 1;
          await clock.sleep(problem?.retryAfterMs ?? 0);
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

describe("a bucket without other clients", () => {
  test("a bucket as documented → no 429, and 98 % of its writes are used", async () => {
    const { throttled, seconds, ideal } = await play(documented);
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.98);
  });

  test("fewer calls than the bucket holds → as fast as without a limit", async () => {
    const few = { ...documented, calls: 150 };
    const unlimited = await play({ ...few, capacity: 1e9 });
    expect((await play(few)).seconds).toBe(unlimited.seconds);
  });

  test("any bucket of at least the documented refill → no 429, however long calls take", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          concurrency: fc.integer({ min: 1, max: 64 }),
          latencyMs: fc.integer({ min: 10, max: 1000 }),
          prepareMs: fc.integer({ min: 0, max: 200 }),
          seed: fc.nat(),
          capacity: fc.integer({ min: 100, max: 500 }),
          refillPerSecond: fc.double({ min: 10, max: 100, noNaN: true }),
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

  test("a bucket smaller than documented → no 429, and 95 % of its writes are used", async () => {
    const small = { capacity: 50, refillPerSecond: 2, calls: 400 };
    const { throttled, seconds, ideal } = await play({ ...documented, ...small });
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.95);
  });

  test("a bucket five times as large and as fast as documented → 97 % of its writes are used", async () => {
    const large = { capacity: 1000, refillPerSecond: 50, calls: 4000, concurrency: 32 };
    const { throttled, seconds, ideal } = await play({ ...documented, ...large });
    expect(throttled).toBe(0);
    expect(ideal / seconds).toBeGreaterThan(0.97);
  });
});

describe("a bucket with other clients", () => {
  test.each([1, 2, 3, 4, 5])(
    "another client takes half at random (seed %i) → at most one 429 in a hundred",
    async (seed) => {
      const { throttled, sent, seconds, ideal } = await play({ ...documented, othersPerSecond: 5, seed });
      expect(throttled / sent).toBeLessThanOrEqual(0.01);
      expect(ideal / seconds).toBeGreaterThan(0.9);
    },
  );

  test.each([1, 2, 3, 4, 5])(
    "two instances share a bucket (seed %i) → at most one 429 in a hundred, 95 % is used",
    async (seed) => {
      const { throttled, sent, seconds, ideal } = await play({ ...documented, instances: 2, seed });
      expect(throttled / sent).toBeLessThanOrEqual(0.01);
      expect(ideal / seconds).toBeGreaterThan(0.95);
    },
  );

  test("one of two instances stops → the other uses all of the refill", async () => {
    const alone = await play({ ...documented, calls: 600 });
    const together = await play({ ...documented, calls: 600, instances: 2 });
    expect(together.seconds).toBeLessThan(1.1 * alone.seconds);
  });
});

describe("a wrong header", () => {
  test.each<[string, Play["header"]]>([
    ["infinity", () => Number.POSITIVE_INFINITY],
    ["a growing number", (remaining) => 1e9 - remaining],
    ["random numbers", (_, random) => Math.floor(random() * 1e9)],
    ["another bucket's number half of the time", (remaining, random) => (random() < 0.5 ? 200 : remaining)],
    ["a huge number once in a hundred times", (remaining, random) => (random() < 0.01 ? 1e12 : remaining)],
  ])("the header shows %s, and there is no limit → no call waits for long", async (_, header) => {
    const terms = { ...documented, calls: 400, capacity: 1e6 };
    const { seconds, ideal } = await play({ ...terms, header });
    expect(seconds).toBeLessThan(2 * ideal + 2);
  });

  test("the header always shows zero, and there is no limit → a call every 1.5 seconds", async () => {
    const { seconds } = await play({ ...documented, calls: 100, capacity: 1e6, header: () => 0 });
    expect(seconds).toBeLessThan(150);
  });

  test.each<[string, Play["header"]]>([
    ["nothing", () => undefined],
    ["always 200", () => 200],
  ])("the header shows %s → at most one 429 in a hundred, and 95 % is used", async (_, header) => {
    const { throttled, sent, seconds, ideal } = await play({ ...documented, header });
    expect(throttled / sent).toBeLessThanOrEqual(0.01);
    expect(ideal / seconds).toBeGreaterThan(0.95);
  });

  test("the resource provider has a hidden limit → at most one 429 in ten, and it is used", async () => {
    const hidden = { capacity: 10, refillPerSecond: 5 };
    const terms = { ...documented, capacity: 1e6, calls: 500, hidden };
    const { throttled, sent, seconds } = await play(terms);
    expect(throttled / sent).toBeLessThan(0.1);
    expect(seconds).toBeLessThan((1.2 * 500) / 5);
  });
});

test.each([0, 3_600_000])(
  "no call for %i ms → room for the documented 200, less the reserve of ten",
  (now) => {
    const bucket = createBucket();
    expect(bucket.waitMs(now, 189)).toBe(0);
    expect(bucket.waitMs(now, 190)).toBe(100);
  },
);

test("an older answer arrives late → the newer answer's count stays", () => {
  const bucket = createBucket();
  const [older, newer] = [1, 2];
  bucket.sent(0);
  bucket.sent(1);
  bucket.answered(newer, 50, 100);
  bucket.answered(older, 60, 0);
  expect(bucket.waitMs(60, 0)).toBe(0);
});
