import { describe, expect, test } from "vitest";
import { redact } from "../../../src/domain/redacted.ts";
import { type RunnerPair, runnerPairs } from "../engine/runnerPairs.ts";
import { hashWorld, secretAt, type World } from "../models/world.ts";
import { createPromises } from "../promises/createPromises.ts";
import { counter, counterSimulation, incrementRunners, values } from "../scheduler/counterRunners.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import { exploreByReplay, exploreMerged } from "./compareExplorers.ts";
import { allFaults, type InterleavingFault } from "./explorationState.ts";
import { replay } from "./exploreAll.ts";
import { exploreInterleavings } from "./exploreInterleavings.ts";

/** The worlds at the ends of all schedules, each as a string. */
async function endsOf(
  explore: typeof exploreByReplay | typeof exploreMerged,
  simulation: SimulationTerms,
  faults: readonly InterleavingFault[],
): Promise<ReadonlySet<string>> {
  const ends = new Set<string>();
  const found = await explore(simulation, faults, {
    inWorld: () => undefined,
    atEnd: (world) => void ends.add(hashWorld(world)),
  });
  expect(found.kind).toBe("holds");
  return ends;
}

async function expectSameEnds(
  simulation: SimulationTerms,
  faults: readonly InterleavingFault[],
  atLeast: number,
) {
  const merged = await endsOf(exploreMerged, simulation, faults);
  expect(merged.size).toBeGreaterThanOrEqual(atLeast);
  expect(merged).toEqual(await endsOf(exploreByReplay, simulation, faults));
}

/** Writes the time after a pause. Where the answer is lost, it writes once more. */
const timeWriter = (id: string, pauseMs: number): RunnerDefinition => ({
  id,
  async run({ clock, secrets }) {
    const begunAt = clock.now();
    await clock.sleep(pauseMs);
    const write = (what: string) =>
      secrets.write(counter, {
        key: redact(`${what} by ${id} from ${begunAt} at ${clock.now()}`),
        contentType: "",
        tags: {},
      });
    const { kind } = await write("written");
    if (kind !== "unclear") return;
    await clock.sleep(1000);
    await write("again");
  },
});

function pairNamed(name: string): RunnerPair {
  const pair = runnerPairs.find((each) => each.name === name);
  if (pair === undefined) throw new RangeError(`No pair is named ${name}`);
  return pair;
}

describe("merging loses nothing: the same ends as by replay of every schedule", () => {
  test.each([
    { name: "two counters", of: counterSimulation(...incrementRunners("a", "b")), ends: 4 },
    {
      name: "two runners that write the time",
      of: counterSimulation(timeWriter("a", 2000), timeWriter("b", 3000)),
      ends: 50,
    },
    {
      name: "a runner that waits for longer than the other's call can take",
      of: counterSimulation(timeWriter("a", 1000), timeWriter("b", 45_000)),
      ends: 50,
    },
    {
      name: "a runner that begins while the other's last call may be pending",
      of: counterSimulation(timeWriter("a", 1000), { ...timeWriter("b", 1000), startsAfterMs: 1_815_000 }),
      ends: 20,
    },
    {
      name: "a runner that begins at the last moment of the other's call, and that the platform kills asleep",
      of: counterSimulation(timeWriter("a", 1_799_000), {
        ...timeWriter("b", 1_801_000),
        startsAfterMs: 1_830_000,
      }),
      ends: 10,
    },
  ])("$name, with a crash, a freeze and a loss in one schedule → the same ends", async ({ of, ends }) => {
    await expectSameEnds(of, allFaults, ends);
  });

  test("one runner ends by a crash or a lost answer, the other can still have the other fault → the same ends", async () => {
    const either = counterSimulation(...incrementRunners("a"), timeWriter("b", 45_000));
    await expectSameEnds(either, ["crash", "loss"], 10);
  });

  test("one call without a fixed time, and a sleep beyond the limit of an early call → the same ends", async () => {
    const sleeper: RunnerDefinition = {
      id: "b",
      async run({ clock, secrets }) {
        await clock.sleep(5000);
        await clock.sleep(27_000);
        await secrets.write(counter, { key: redact("b"), contentType: "", tags: {} });
      },
    };
    await expectSameEnds(counterSimulation(...incrementRunners("a"), sleeper), [], 2);
  });

  test.each<{ name: string; faults: readonly InterleavingFault[]; ends: number }>([
    { name: "one key, two runs at once", faults: ["crash"], ends: 20 },
    { name: "two keys, two runs at once", faults: ["freeze"], ends: 5 },
    { name: "one key, a run, and resume later", faults: ["freeze"], ends: 15 },
    { name: "one key, a run, and resume later", faults: ["loss"], ends: 10 },
  ])("the engine: $name, with $faults → the same ends", async ({ name, faults, ends }) => {
    const { simulation } = await pairNamed(name).make();
    await expectSameEnds(simulation, faults, ends);
  });
});

describe("what the explorer checks", () => {
  const noChecks = {
    inWorld: () => undefined,
    beforeSending: () => undefined,
    onEvents: () => undefined,
    atEnd: () => undefined,
  };
  const explore = (
    checks: Partial<Parameters<typeof exploreInterleavings>[0]["checks"]>,
    mostStates = 10_000,
  ) =>
    exploreInterleavings({
      ...counterSimulation(...incrementRunners("a", "b")),
      faults: allFaults,
      mostFaults: 3,
      until: Number.POSITIVE_INFINITY,
      mostStates,
      checks: { ...noChecks, ...checks },
    });
  const latest = (world: World): string => secretAt(world, counter).versions.at(-1)?.value ?? "";

  test("a lost update → found without any fault, and its schedule replays to it", async () => {
    const atEnd = (world: World) => (latest(world) === "2" ? undefined : "an update was lost");
    const found = await explore({ atEnd });
    if (found.kind !== "violated") throw new Error("Nothing was found");
    expect(found.complete).toBe(-1);
    const again = await replay(counterSimulation(...incrementRunners("a", "b")), found.schedule);
    expect(again.possible()).toEqual([]);
    expect(values(again)).toEqual(["1", "1"]);
  });

  test("a violation that needs two faults → found after all schedules with one fault", async () => {
    const found = await explore({
      atEnd: (_, faults) =>
        faults.includes("crash") && faults.includes("loss") ? "a crash and a loss" : undefined,
    });
    expect(found).toMatchObject({ kind: "violated", violation: "a crash and a loss", complete: 1 });
  });

  test("a call that must not be sent → found when it is sent", async () => {
    const found = await explore({
      beforeSending: (world, { operation }) =>
        operation === "write" && latest(world) === "1" ? "written over" : undefined,
    });
    expect(found).toMatchObject({ kind: "violated", violation: "written over" });
  });

  test("more states than permitted → cut, and `complete` has the number of faults that were tried", async () => {
    const { states } = await explore({});
    expect(await explore({}, states + 1000)).toMatchObject({ kind: "holds", complete: 3 });
    const { simulation } = await pairNamed("one key, two runs at once").make();
    const cut = await exploreInterleavings({
      ...simulation,
      faults: allFaults,
      mostFaults: 3,
      until: Number.POSITIVE_INFINITY,
      mostStates: 500,
      checks: noChecks,
    });
    expect(cut).toMatchObject({ kind: "cut", complete: 0 });
  });
});

test("a run of one key and a later resume, any crash together with any freeze → every promise holds", async () => {
  const { simulation, promises } = await pairNamed("one key, a run, and resume later").make();
  const { inWorld, beforeSending, onEvents, atEnd, largest } = createPromises(promises);
  const found = await exploreInterleavings({
    ...simulation,
    faults: ["crash", "freeze"],
    mostFaults: 2,
    until: Number.POSITIVE_INFINITY,
    mostStates: 100_000,
    checks: {
      inWorld,
      beforeSending,
      onEvents,
      atEnd: (world, { length: count }) =>
        atEnd(world, { count, crashes: 0, refusals: 0, journalAnswers: 0 }),
    },
  });
  expect(found).toMatchObject({ kind: "holds", complete: 2 });
  expect(largest.regenerates).toBeGreaterThan(1);
});
