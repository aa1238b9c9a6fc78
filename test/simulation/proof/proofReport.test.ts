import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Job, JobResult } from "./proofJobs.ts";
import { failuresIn, type HuntResult, type ProofRow, rowOf } from "./proofReport.ts";

const limits = { seconds: 1, mostStates: 1 };
const depart: Job = { kind: "depart", configuration: "c", departures: 2, ...limits };
const interleave: Job = { kind: "interleave", name: "p", mostFaults: 3, ...limits };
const random: Job = { kind: "random", seed: 1, schedules: 100 };
const result = (terms: Partial<JobResult>): JobResult => ({
  kind: "holds",
  states: 10,
  paths: 10,
  regenerates: 1,
  addedPerFault: 1,
  ...terms,
});
const row = (job: Job, terms: Partial<JobResult>): ProofRow => rowOf("the part", job, result(terms));
const caught: HuntResult = {
  name: "a sabotage",
  isCaught: true,
  compilerError: undefined,
  shows: false,
  isAgreed: true,
};

describe("the proof fails for everything that it did not do", () => {
  test("every part held and every sabotage was caught → the proof holds", () => {
    const rows = [row(depart, { complete: 2 }), row(interleave, { complete: 3 }), row(random, {})];
    expect(failuresIn(rows, [caught])).toEqual([]);
  });

  test.each<[string, Job, Partial<JobResult>, string]>([
    ["a part that reached its limit", depart, { kind: "cut", complete: 1 }, "it reached its limit"],
    [
      "a part that tried only the schedule without faults",
      depart,
      { complete: 0 },
      "no schedule with a fault was tried",
    ],
    [
      "a part that did not finish even that schedule",
      interleave,
      { complete: -1 },
      "no schedule with a fault was tried",
    ],
    ["a random part without a schedule", random, { paths: 0 }, "no schedule was tried"],
  ])("%s → the proof fails and names the part", (_, job, terms, why) => {
    expect(failuresIn([row(job, terms)], [])).toEqual([`Not proved, because ${why}: the part.`]);
  });

  test("a violation → the proof fails and names the part", () => {
    const violation = { where: "c", promise: "works-always: dead", steps: [] };
    expect(failuresIn([row(depart, { kind: "violated", complete: 1, violation })], [])).toContain(
      "Violated: the part.",
    );
  });

  test("cases of real processes that were not started → the proof fails", () => {
    const cut: ProofRow = { ...row(random, {}), shortcoming: "3 of its cases were not started" };
    expect(failuresIn([cut], [])).toEqual(["Not proved, because 3 of its cases were not started: the part."]);
  });

  test("no part at all → the proof fails", () => {
    expect(failuresIn([], [])).toEqual(["No part was run."]);
  });

  test.each<[string, Partial<HuntResult>]>([
    ["is not caught", { isCaught: false }],
    ["does not compile", { compilerError: "error TS2304" }],
    ["only one exploration finds", { isAgreed: false }],
  ])("a sabotage that %s → the proof fails and names it", (_, terms) => {
    const failures = failuresIn([row(random, {})], [{ ...caught, ...terms }]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain("a sabotage");
  });
});

describe("npm run proof", () => {
  const root = join(import.meta.dirname, "../../..");
  const part = "departures: one key, one standard run, never rotated before";

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

  test("one part within its limit → exits with 0", async () => {
    const { code, output } = await prove("--part", part, "--departures", "1");
    expect(output).toContain("The proof holds.");
    expect(code).toBe(0);
  });

  test("every limit zero → exits with 1 and names the part", async () => {
    const { code, output } = await prove("--part", part, "--limit", "0");
    expect(output).toContain(`Not proved, because it reached its limit: ${part}.`);
    expect(code).toBe(1);
  });

  test("no departures → exits with 1, since no fault was tried", async () => {
    const { code, output } = await prove("--part", part, "--departures", "0");
    expect(output).toContain(`Not proved, because no schedule with a fault was tried: ${part}.`);
    expect(code).toBe(1);
  });
});
