import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newDocument } from "../../src/runs/document.ts";
import { createLogWriter, foldLog, type LogLine, logName } from "../../src/runs/log.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import { anotherTarget, gateway } from "../support/gateways.ts";

const names = ["a", "b", "c"] as const;
const document = newDocument(
  runNamed("run"),
  names.map((name) => gateway(undefined, { name, target: anotherTarget(name) })),
  1000,
);
const rotated = (sequence: number) =>
  ({
    kind: "rotated",
    rotationId: "r",
    slot: "key",
    secretVersion: "v",
    fingerprint: "f",
    sequence,
  }) as const;
const failed = (effect: "unchanged" | "unknown") =>
  ({ kind: "failed", code: "c", message: "m", effect, nextAction: "n" }) as const;
const skipped = { kind: "skipped", reason: "not-due", message: "Not due." } as const;

const line = (terms: Partial<LogLine> = {}): LogLine => ({
  run: 1000,
  gateway: "a",
  driver: "one",
  when: 2000,
  state: "open",
  at: 3000,
  sequence: 0,
  outcome: null,
  keyWorks: true,
  isAtRisk: false,
  versions: [],
  ...terms,
});
const textOf = (lines: readonly LogLine[]): string =>
  lines.map((each) => `\n${JSON.stringify(each)}\n`).join("");
const folded = (...lines: readonly LogLine[]) => foldLog(document, textOf(lines)).gateways[0];

const lines: fc.Arbitrary<LogLine[]> = fc.array(
  fc.record({
    run: fc.constant(1000),
    gateway: fc.constantFrom(...names),
    driver: fc.constantFrom("one", "two"),
    when: fc.nat({ max: 3 }),
    state: fc.constantFrom("open" as const, "unverified" as const, "done" as const),
    at: fc.nat({ max: 3 }),
    sequence: fc.nat({ max: 3 }),
    outcome: fc.constantFrom(null, skipped, failed("unchanged"), failed("unknown"), rotated(1), rotated(2)),
    keyWorks: fc.constantFrom(true, false, "unknown" as const),
    isAtRisk: fc.boolean(),
    versions: fc.array(
      fc.record({ sequence: fc.nat({ max: 2 }), secretVersion: fc.constantFrom("v", "w") }),
      {
        maxLength: 2,
      },
    ),
  }),
  { maxLength: 12 },
);

describe("the fold of a run's log", () => {
  test("any order, repetition and split into appends → the same state", () => {
    const shuffled = lines.chain((written) =>
      fc.record({
        written: fc.constant(written),
        order: fc.shuffledSubarray([...written, ...written], {
          minLength: written.length * 2,
          maxLength: written.length * 2,
        }),
        blank: fc.array(fc.nat({ max: 24 })),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ written, order, blank }) => {
        const texts = order.map((each, i) => `${JSON.stringify(each)}\n${blank.includes(i) ? "\n\n" : ""}`);
        expect(foldLog(document, texts.join(""))).toEqual(foldLog(document, textOf(written)));
      }),
      { numRuns: 500 },
    );
  });

  test("the log is empty → every gateway is open, and due since the run's creation", () => {
    expect(foldLog(document, "").gateways).toMatchObject(
      names.map((name) => ({ name, state: "open", at: 1000, sequence: 0, outcome: null })),
    );
  });

  test.each<[string, LogLine, LogLine]>([
    ["a farther state", line({ state: "unverified" }), line({ when: 9000 })],
    ["a later rotation", line({ sequence: 4, outcome: rotated(4) }), line({ sequence: 3, state: "done" })],
    [
      "what was published, rather than a skip",
      line({ sequence: 3, state: "unverified", outcome: rotated(3) }),
      line({ state: "done", outcome: skipped, when: 9000 }),
    ],
    [
      "a doubt about a later rotation, whenever the earlier one is reported",
      line({ sequence: 4, state: "unverified", outcome: failed("unknown") }),
      line({ sequence: 3, state: "unverified", outcome: rotated(3), when: 9000 }),
    ],
    [
      "a rotation, rather than a doubt about the same one",
      line({ sequence: 4, state: "unverified", outcome: rotated(4) }),
      line({ sequence: 4, state: "unverified", outcome: failed("unknown"), when: 9000 }),
    ],
    ["the later of two that are as far", line({ when: 9000, at: 8000 }), line({ when: 2000, at: 5000 })],
  ])("of two lines → %s", (_, wins, loses) => {
    const { state, at, sequence, outcome } = wins;
    expect(folded(wins, loses)).toMatchObject({ state, at, sequence, outcome });
    expect(folded(loses, wins)).toMatchObject({ state, at, sequence, outcome });
  });

  test.each([
    ["half a line, after a crash in the middle of an append", '{"gateway":"b","dri'],
    ["a later version's line", JSON.stringify({ ...line(), gateway: "b", more: true })],
    ["no JSON", "hello"],
  ])("%s → counted, and the lines around it hold", (_, broken) => {
    const before = textOf([line({ state: "done" })]);
    const after = textOf([line({ gateway: "c", state: "unverified" })]);
    const { gateways, unreadable } = foldLog(document, `${before}${broken}${after}`);
    expect(unreadable).toBe(1);
    expect(gateways.map(({ state }) => state)).toEqual(["done", "open", "unverified"]);
  });

  test("lines of a deleted document of the same id → do not count for the new document", () => {
    expect(folded(line({ run: 999, state: "done", outcome: failed("unchanged") }))).toMatchObject({
      state: "open",
      outcome: null,
    });
  });

  test("a gateway that is not in the document → does not appear", () => {
    const { gateways } = foldLog(document, textOf([line({ gateway: "other", state: "done" })]));
    expect(gateways.map(({ name, state }) => [name, state])).toEqual(names.map((name) => [name, "open"]));
  });
});

describe("the writer of a run's log", () => {
  /** Its clock stands still. A sleep ends when `pass` lets the time pass. */
  function writer(append?: (text: string) => "appended" | "refused" | "unclear" | "throttled") {
    let now = 10_000;
    const sleeping: { readonly until: number; wake(): void }[] = [];
    const clock = {
      now: () => now,
      sleep: (ms: number) => new Promise<void>((wake) => void sleeping.push({ until: now + ms, wake })),
    };
    const stored = createSimulatedBlobs({ clock: () => now });
    const appended: string[] = [];
    const blobs = {
      ...stored,
      async append(name: string, text: string) {
        const kind = append?.(text) ?? "appended";
        if (kind === "throttled")
          return { kind: "refused", problem: { code: kind, message: "429", transient: true } } as const;
        if (kind !== "refused") await stored.append(name, text);
        if (kind === "appended") {
          appended.push(text);
          return { kind, now } as const;
        }
        return { kind, problem: { code: "forbidden", message: "No.", transient: false } } as const;
      },
    };
    let last: Promise<unknown> = Promise.resolve();
    const inOrder = <T>(write: () => Promise<T>): Promise<T> => {
      const next = last.then(write);
      last = next;
      return next;
    };
    const storage = { blobs, clock, lastStart: Number.POSITIVE_INFINITY, callTimeoutMs: 1000 };
    return {
      log: createLogWriter(storage, "run", inOrder),
      appended,
      settled: async () => void (await inOrder(async () => {})),
      async pass(ms: number) {
        now += ms;
        for (const { until, wake } of sleeping) if (until <= now) wake();
        await new Promise((resolve) => setImmediate(resolve));
      },
      async stored() {
        const read = await stored.read(logName("run"));
        return foldLog(document, read.kind === "found" ? read.text : "");
      },
    };
  }

  test("the first line → appended at once; lines within a second → appended together at its end", async () => {
    const { log, appended, settled, pass } = writer();
    log.add(line({ gateway: "a" }));
    await settled();
    expect(appended).toHaveLength(1);
    log.add(line({ gateway: "b" }));
    log.add(line({ gateway: "c" }));
    await settled();
    expect(appended).toHaveLength(1);
    await pass(1000);
    expect(appended).toHaveLength(2);
    expect(appended[1]?.match(/"gateway"/g)).toHaveLength(2);
  });

  test("200 lines within a second → appended without waiting for its end", async () => {
    const { log, appended, settled } = writer();
    log.add(line());
    await settled();
    for (let i = 0; i < 199; i += 1) log.add(line());
    await settled();
    expect(appended).toHaveLength(1);
    log.add(line());
    await settled();
    expect(appended).toHaveLength(2);
    expect(appended[1]?.match(/"gateway"/g)).toHaveLength(200);
  });

  test("many lines during an outage → at most one append waits for its turn", async () => {
    let calls = 0;
    const { log, settled, pass } = writer(() => {
      calls += 1;
      return "refused";
    });
    for (let i = 0; i < 50; i += 1) {
      log.add(line());
      await pass(1500);
    }
    await settled();
    const before = calls;
    for (let i = 0; i < 500; i += 1) log.add(line());
    await settled();
    expect(calls - before).toBeLessThanOrEqual(2);
  });

  test("an append is refused → the problem is returned, and the lines are in the next one", async () => {
    let isDown = true;
    const { log, stored } = writer(() => (isDown ? "refused" : "appended"));
    log.add(line({ state: "done" }));
    expect(await log.flush()).toMatchObject({ code: "forbidden" });
    isDown = false;
    expect(await log.flush()).toBeUndefined();
    expect((await stored()).gateways[0]).toMatchObject({ state: "done" });
  });

  test("an append is throttled → repeated after a second", async () => {
    let appends = 0;
    const { log, appended, pass } = writer(() => (++appends === 1 ? "throttled" : "appended"));
    log.add(line());
    const flushed = log.flush();
    await pass(0);
    expect(appended).toEqual([]);
    await pass(1000);
    expect(await flushed).toBeUndefined();
    expect(appended).toHaveLength(1);
  });

  test("a line in each second → each is appended a second after the one before, at the latest", async () => {
    const { log, appended, settled, pass } = writer();
    log.add(line());
    await settled();
    for (const count of [2, 3]) {
      log.add(line());
      await pass(1000);
      expect(appended).toHaveLength(count);
    }
    await pass(1000);
    log.add(line());
    await settled();
    expect(appended).toHaveLength(4);
  });

  test("450 lines that waited → appended in blocks of 200 lines at most", async () => {
    const { log, appended } = writer();
    for (let i = 0; i < 450; i += 1) log.add(line());
    await log.flush();
    expect(appended.map((text) => text.match(/"gateway"/g)?.length)).toEqual([200, 200, 50]);
  });

  test("an answer is lost, and the append is repeated → the same state", async () => {
    let appends = 0;
    const { log, stored } = writer(() => (++appends === 1 ? "unclear" : "appended"));
    log.add(line({ state: "unverified", sequence: 3, outcome: rotated(3) }));
    expect(await log.flush()).toBeUndefined();
    expect(appends).toBe(2);
    const { gateways, unreadable } = await stored();
    expect(gateways[0]).toMatchObject({ state: "unverified", sequence: 3 });
    expect(unreadable).toBe(0);
  });
});
