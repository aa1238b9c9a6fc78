import { describe, expect, test } from "vitest";
import { exploring, values } from "./counter.ts";
import { replay } from "./explore.ts";
import { mulberry32, runRandom } from "./random.ts";

describe("random schedules", () => {
  const terms = (seed: number) => ({ ...exploring({ bounds: { freeze: 1 } }), seed, faultRate: 0.2 });
  const seeds = Array.from({ length: 50 }, (_, seed) => seed);

  test("one seed, twice → the same schedule and the same verdict", async () => {
    expect(await runRandom(terms(7))).toEqual(await runRandom(terms(7)));
  });

  test("fifty seeds → some find the lost update, each by a schedule that replays to it, and some do not", async () => {
    const runs = await Promise.all(seeds.map((seed) => runRandom(terms(seed))));
    const found = runs.filter(({ kind }) => kind === "violated");
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(seeds.length);
    for (const { schedule, steps } of found) {
      const again = await replay(terms(0), schedule);
      expect(again.log()).toEqual(steps);
      expect(values(again)).toEqual(["1", "1"]);
    }
  });

  test("the generator → spread over 0 to 1, and different for each seed", () => {
    const random = mulberry32(1);
    const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(random() * 10)));
    expect([...tenths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(mulberry32(2)()).not.toBe(mulberry32(1)());
  });
});
