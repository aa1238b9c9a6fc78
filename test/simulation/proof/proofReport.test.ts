import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Job, JobResult } from "./proofJobs.ts";
import { failuresIn, type Hunted, type Row, rowOf } from "./proofReport.ts";

const limits = { seconds: 1, mostStates: 1 };
const depart: Job = { kind: "depart", configuration: "c", departures: 2, ...limits };
const interleave: Job = { kind: "interleave", name: "p", mostFaults: 3, ...limits };
const random: Job = { kind: "random", seed: 1, schedules: 100 };
const result = (terms: Partial<JobResult>): JobResult => ({
  kind: "holds",
  states: 10,
  paths: 10,
  regenerates: 1,
  addedByAFault: 1,
  ...terms,
});
const row = (job: Job, terms: Partial<JobResult>): Row => rowOf("the part", job, result(terms));
const caught: Hunted = {
  name: "a sabotage",
  isCaught: true,
  compilerError: undefined,
  shows: false,
  isAgreed: true,
};

describe("the proof fails by anything that it did not do", () => {
  test("every part began, ended and held, every sabotage was caught → it holds", () => {
    const rows = [row(depart, { complete: 2 }), row(interleave, { complete: 3 }), row(random, {})];
    expect(failuresIn(rows, [caught])).toEqual([]);
  });

  test.each<[string, Job, Partial<JobResult>, string]>([
    ["cut by its limit", depart, { kind: "cut", complete: 1 }, "it was cut by its limit"],
    ["only the schedule without faults", depart, { complete: 0 }, "no schedule with a fault was tried"],
    ["not even that one", interleave, { complete: -1 }, "no schedule with a fault was tried"],
    ["no random schedule", random, { paths: 0 }, "no schedule was tried"],
  ])("%s → fails, and names the part", (_, job, terms, why) => {
    expect(failuresIn([row(job, terms)], [])).toEqual([`Not proved, since ${why}: the part.`]);
  });

  test("a violation → fails, and names the part", () => {
    const violation = { where: "c", promise: "works-always: dead", steps: [] };
    expect(failuresIn([row(depart, { kind: "violated", complete: 1, violation })], [])).toContain(
      "Violated: the part.",
    );
  });

  test("real processes with cases that were not begun → fails", () => {
    const cut: Row = { ...row(random, {}), shortcoming: "3 of its cases were not begun" };
    expect(failuresIn([cut], [])).toEqual(["Not proved, since 3 of its cases were not begun: the part."]);
  });

  test("no part at all → fails", () => {
    expect(failuresIn([], [])).toEqual(["No part was run."]);
  });

  test.each<[string, Partial<Hunted>]>([
    ["not caught", { isCaught: false }],
    ["does not compile", { compilerError: "error TS2304" }],
    ["shows to one exploration alone", { isAgreed: false }],
  ])("a sabotage that %s → fails, and names it", (_, terms) => {
    const failures = failuresIn([row(random, {})], [{ ...caught, ...terms }]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain("a sabotage");
  });
});

describe("npm run proof", () => {
  const root = join(import.meta.dirname, "../../..");
  const part = "departures: one key, one standard run, rotated 0 times before";

  async function prove(...options: readonly string[]): Promise<{ code: number; output: string }> {
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ["scripts/proof.ts", ...options], {
        cwd: root,
      });
      return { code: 0, output: stdout };
    } catch (error) {
      const { code, stdout } = error as { readonly code: number; readonly stdout: string };
      return { code, output: stdout };
    }
  }

  test("one part, with time → exits with 0", async () => {
    const { code, output } = await prove("--part", part, "--departures", "1");
    expect(output).toContain("The proof holds.");
    expect(code).toBe(0);
  });

  test("every limit zero → exits with 1, and names the part", async () => {
    const { code, output } = await prove("--part", part, "--limit", "0");
    expect(output).toContain(`Not proved, since it was cut by its limit: ${part}.`);
    expect(code).toBe(1);
  });

  test("no departures, no random schedules → exits with 1, since no fault was tried", async () => {
    const { code, output } = await prove("--part", part, "--departures", "0");
    expect(output).toContain(`Not proved, since no schedule with a fault was tried: ${part}.`);
    expect(code).toBe(1);
  });
});
