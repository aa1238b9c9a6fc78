import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mulberry32 } from "../../support/mulberry32.ts";
import { randomExploration, randomSettings } from "../engine/randomSettings.ts";
import { replay } from "../explorers/exploreAll.ts";
import { interruptions, picks, runInterrupted } from "../explorers/runInterrupted.ts";
import { counterExploration, values } from "../scheduler/counterRunners.ts";
import { tryRandom } from "./tryRandom.ts";

describe("random schedules", () => {
  const terms = counterExploration();

  test("no interruption → the default schedule: one runner after the other", async () => {
    const { kind, steps } = await runInterrupted(terms, []);
    expect(kind).toBe("holds");
    expect(steps.map((step) => step[0])).toEqual(["a", "a", "b", "b"]);
  });

  test("the same interruptions twice → the same schedule twice", async () => {
    const [some] = fc.sample(interruptions(10), { numRuns: 1, seed: 7 });
    if (some === undefined) throw new Error("No sample");
    expect(await runInterrupted(terms, some)).toEqual(await runInterrupted(terms, some));
  });

  test("the lost update → found, shrunk to one interruption, and found again by its seed and path", async () => {
    const property = fc.asyncProperty(
      interruptions(20),
      async (some) => (await runInterrupted(terms, some)).kind === "holds",
    );
    const found = await fc.check(property, { seed: 1 });
    expect(found.counterexample).toMatchObject([[{ after: 1, kind: "order" }]]);
    const { seed, counterexamplePath } = found;
    const again = await fc.check(property, { seed, path: counterexamplePath ?? "" });
    expect(again.counterexample).toEqual(found.counterexample);
  });

  test("a found violation → its schedule replays to it", async () => {
    const found = await runInterrupted(terms, [{ after: 1, kind: "order", pick: picks / 2 }]);
    expect(found).toMatchObject({ kind: "violated", violation: "2 updates were stored, and the count is 1" });
    const again = await replay(terms, found.schedule);
    expect(again.log()).toEqual(found.steps);
    expect(values(again)).toEqual(["1", "1"]);
  });
});

describe("settings of random schedules", () => {
  test("a hundred settings → every kind of process, mode, edit and clock occurs", async () => {
    const some = fc.sample(randomSettings, { numRuns: 100, seed: 1 });
    const processes = some.flatMap((setting) => setting.processes);
    const runs = processes.flatMap((planned) => (planned.kind === "run" ? [planned] : []));
    const configured = new Set(runs.flatMap((run) => run.configured));
    expect(configured).toEqual(new Set(["asBefore", "otherSecret", "otherVault", "removed"]));
    expect(new Set(processes.map(({ kind }) => kind))).toEqual(
      new Set(["run", "tick", "outsideWrite", "journalDeletion"]),
    );
    expect(new Set(runs.map(({ mode }) => mode))).toEqual(new Set(["standard", "compromised"]));
    expect(processes.some(({ clockMs }) => clockMs < -60_000)).toBe(true);
    expect(processes.some(({ clockMs }) => clockMs > 60_000)).toBe(true);
    const { terms } = await randomExploration({
      gateways: 1,
      rotated: true,
      processes: [],
      clocksJump: true,
    });
    expect(terms.bounds.jump).toBeGreaterThan(0);
  });

  test("a hundred schedules → every promise holds, with rotations and faults in them", async () => {
    const tried = await tryRandom({ seed: 3, schedules: 100, shrink: false });
    expect(tried).toMatchObject({ kind: "holds", paths: 100 });
    expect(tried.regenerates).toBeGreaterThan(2);
  });
});

test("mulberry32 → numbers spread from 0 to 1, different for each seed", () => {
  const random = mulberry32(1);
  const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(random() * 10)));
  expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(mulberry32(2)()).not.toBe(mulberry32(1)());
});
