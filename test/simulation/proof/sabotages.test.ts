import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runJob } from "./proofJobs.ts";
import { createSabotagedCopy, sabotaged, sabotages } from "./sabotages.ts";

const root = join(import.meta.dirname, "../../..");

describe("sabotages of the engine", () => {
  test("a copy of the project → compiles and builds, so that only the wrong line can be at fault", () => {
    const [sabotage] = sabotages;
    if (sabotage === undefined) throw new Error("The list is empty");
    const { folder, remove } = createSabotagedCopy(root, sabotage);
    try {
      const node = (...args: readonly string[]) => execFileSync(process.execPath, args, { cwd: folder });
      node(join(root, "node_modules/typescript/bin/tsc"), "--noEmit");
      node("scripts/build.ts", join(folder, "built"));
    } finally {
      remove();
    }
  });

  test.each(sabotages)("$name → still applies and changes its file", (sabotage) => {
    const text = readFileSync(join(root, sabotage.file), "utf8");
    expect(sabotaged(text, sabotage)).not.toBe(text);
  });

  test("a text that is there twice or not at all → an error with the sabotage's name", () => {
    const [sabotage] = sabotages;
    if (sabotage === undefined) throw new Error("The list is empty");
    expect(() => sabotaged("", sabotage)).toThrow(sabotage.name);
    expect(() => sabotaged(sabotage.find.repeat(2), sabotage)).toThrow("not found once");
  });

  /** `npm run proof -- --quick` tries all of them. */
  test.each([
    "the engine writes no intent",
    "the engine regenerates the published slot",
    "the engine marks no commit as suspect",
  ])("%s → caught by the promise that it names", async (name) => {
    const sabotage = sabotages.find((each) => each.name === name);
    if (sabotage === undefined) throw new Error(`No sabotage is named ${name}`);
    const { promise } = sabotage;
    const copy = createSabotagedCopy(root, sabotage);
    try {
      const limits = { departures: 1, seconds: 60, mostStates: 100_000 };
      const { violation } = await runJob(copy.folder, { kind: "hunt", promise, ...limits });
      expect(violation?.promise).toMatch(new RegExp(`^${promise}: `));
    } finally {
      copy.remove();
    }
  });

  test("a sabotage breaks another promise than the searched one → not caught", async () => {
    const [sabotage] = sabotages;
    if (sabotage === undefined) throw new Error("The list is empty");
    const copy = createSabotagedCopy(root, sabotage);
    try {
      const hunt = { kind: "hunt", promise: "one-journal", departures: 0, seconds: 60 } as const;
      const shownBy = "one key, one standard run, never rotated before";
      const { kind, violation } = await runJob(copy.folder, { ...hunt, shownBy, mostStates: 100_000 });
      expect({ kind, violation }).toEqual({ kind: "holds", violation: undefined });
    } finally {
      copy.remove();
    }
  });
});
