import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runJob } from "./proofJobs.ts";
import { createSabotagedCopy, sabotaged, sabotages } from "./sabotages.ts";

const root = join(import.meta.dirname, "../..");

describe("sabotages of the engine", () => {
  test.each(sabotages)("$name → still applies, and changes something", (sabotage) => {
    const text = readFileSync(join(root, sabotage.file), "utf8");
    expect(sabotaged(text, sabotage)).not.toBe(text);
  });

  test("a text that is there twice, or not at all → said, with the sabotage's name", () => {
    const [sabotage] = sabotages;
    if (sabotage === undefined) throw new Error("there are none");
    expect(() => sabotaged("", sabotage)).toThrow(sabotage.name);
    expect(() => sabotaged(sabotage.find.repeat(2), sabotage)).toThrow("not found once");
  });

  test.each([
    { name: "no intent is written", promise: /without an intent/ },
    { name: "the published slot is regenerated", promise: /published key of a two-key target is dead/ },
    { name: "no commit is suspect", promise: /left with a dead key/ },
  ])("$name → caught", async ({ name, promise }) => {
    const sabotage = sabotages.find((each) => each.name === name);
    if (sabotage === undefined) throw new Error(`No sabotage is named ${name}`);
    const copy = createSabotagedCopy(root, sabotage);
    try {
      const limits = { departures: 1, seconds: 15, mostStates: 100_000 };
      const result = await runJob(copy.folder, { kind: "hunt", except: [], ...limits });
      expect(result.violation?.promise).toMatch(promise);
    } finally {
      copy.remove();
    }
  });
});
