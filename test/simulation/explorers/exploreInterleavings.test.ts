import { describe, expect, test } from "vitest";
import { redact } from "../../../src/domain/redacted.ts";
import { type Pair, pairs } from "../engine/runnerPairs.ts";
import { hashWorld, secretAt, type World } from "../models/world.ts";
import { createPromises } from "../promises/createPromises.ts";
import { counter, incrementing, simulating, values } from "../scheduler/counterRunners.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import { explorePlainly, exploreReduced } from "./compareExplorers.ts";
import { allFaults, type OneFault } from "./explorationState.ts";
import { replay } from "./exploreAll.ts";
import { exploreInterleavings } from "./exploreInterleavings.ts";

/** The worlds that it comes to, each as a string. */
async function endsOf(
  explore: typeof explorePlainly | typeof exploreReduced,
  simulation: SimulationTerms,
  faults: readonly OneFault[],
): Promise<ReadonlySet<string>> {
  const ends = new Set<string>();
  const found = await explore(simulation, faults, {
    inWorld: () => undefined,
    atEnd: (world) => void ends.add(hashWorld(world)),
  });
  expect(found.kind).toBe("holds");
  return ends;
}

async function expectSameEnds(simulation: SimulationTerms, faults: readonly OneFault[], atLeast: number) {
  const reduced = await endsOf(exploreReduced, simulation, faults);
  expect(reduced.size).toBeGreaterThanOrEqual(atLeast);
  expect(reduced).toEqual(await endsOf(explorePlainly, simulation, faults));
}

/** Writes when it did so, after a pause; where the answer is lost, once more. */
const timekeeper = (id: string, pauseMs: number): RunnerDefinition => ({
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

function pairNamed(name: string): Pair {
  const pair = pairs.find((each) => each.name === name);
  if (pair === undefined) throw new RangeError(`No pair is named ${name}`);
  return pair;
}

describe("nothing is lost: the same ends as where every schedule is replayed from its beginning", () => {
  test.each([
    { name: "two that count", of: simulating(...incrementing("a", "b")), ends: 4 },
    {
      name: "two that write when they did so",
      of: simulating(timekeeper("a", 2000), timekeeper("b", 3000)),
      ends: 50,
    },
    {
      name: "one that waits for longer than the other's call can take",
      of: simulating(timekeeper("a", 1000), timekeeper("b", 45_000)),
      ends: 50,
    },
    {
      name: "one that begins when the other's last call may be under way",
      of: simulating(timekeeper("a", 1000), { ...timekeeper("b", 1000), startsAfterMs: 1_815_000 }),
      ends: 20,
    },
    {
      name: "one that begins when the other's last call may just take effect, and is killed in its sleep",
      of: simulating(timekeeper("a", 1_799_000), { ...timekeeper("b", 1_801_000), startsAfterMs: 1_830_000 }),
      ends: 10,
    },
  ])("$name, with a crash, a freeze and a loss in one schedule", async ({ of, ends }) => {
    await expectSameEnds(of, allFaults, ends);
  });

  test("one that is gone by a crash or by a lost answer, and one that can meet the other of the two", async () => {
    const either = simulating(...incrementing("a"), timekeeper("b", 45_000));
    await expectSameEnds(either, ["crash", "loss"], 10);
  });

  test("one that calls sooner or later, as nothing tells it, and one that waits for longer than the sooner call can take", async () => {
    const sleeper: RunnerDefinition = {
      id: "b",
      async run({ clock, secrets }) {
        await clock.sleep(5000);
        await clock.sleep(27_000);
        await secrets.write(counter, { key: redact("b"), contentType: "", tags: {} });
      },
    };
    await expectSameEnds(simulating(...incrementing("a"), sleeper), [], 2);
  });

  test.each<{ name: string; faults: readonly OneFault[]; ends: number }>([
    { name: "one key, two runs at once", faults: ["crash"], ends: 20 },
    { name: "two keys, two runs at once", faults: ["freeze"], ends: 5 },
    { name: "one key, a run, and resume later", faults: ["freeze"], ends: 15 },
    { name: "one key, a run, and resume later", faults: ["loss"], ends: 10 },
  ])("the engine: $name, with $faults", async ({ name, faults, ends }) => {
    const { simulation } = await pairNamed(name).make();
    await expectSameEnds(simulation, faults, ends);
  });
});

describe("what is looked at", () => {
  const nothing = {
    inWorld: () => undefined,
    beforeSending: () => undefined,
    onEvents: () => undefined,
    atEnd: () => undefined,
  };
  const exploring = (
    watch: Partial<Parameters<typeof exploreInterleavings>[0]["watch"]>,
    mostStates = 10_000,
  ) =>
    exploreInterleavings({
      ...simulating(...incrementing("a", "b")),
      faults: allFaults,
      mostFaults: 3,
      until: Number.POSITIVE_INFINITY,
      mostStates,
      watch: { ...nothing, ...watch },
    });
  const latest = (world: World): string => secretAt(world, counter).versions.at(-1)?.value ?? "";

  test("a lost update → found without any fault, by a schedule that replays to it", async () => {
    const atEnd = (world: World) => (latest(world) === "2" ? undefined : "an update was lost");
    const found = await exploring({ atEnd });
    if (found.kind !== "violated") throw new Error("Nothing was found");
    expect(found.complete).toBe(-1);
    const again = await replay(simulating(...incrementing("a", "b")), found.schedule);
    expect(again.possible()).toEqual([]);
    expect(values(again)).toEqual(["1", "1"]);
  });

  test("what takes two faults → found after all schedules with one", async () => {
    const found = await exploring({
      atEnd: (_, faults) =>
        faults.includes("crash") && faults.includes("loss") ? "a crash and a loss" : undefined,
    });
    expect(found).toMatchObject({ kind: "violated", violation: "a crash and a loss", complete: 1 });
  });

  test("a call that must not be made → seen when it is made", async () => {
    const found = await exploring({
      beforeSending: (world, { operation }) =>
        operation === "write" && latest(world) === "1" ? "written over" : undefined,
    });
    expect(found).toMatchObject({ kind: "violated", violation: "written over" });
  });

  test("more states than may be → cut, and it says how far it came", async () => {
    const { states } = await exploring({});
    expect(await exploring({}, states + 1000)).toMatchObject({ kind: "holds", complete: 3 });
    const { simulation } = await pairNamed("one key, two runs at once").make();
    const cut = await exploreInterleavings({
      ...simulation,
      faults: allFaults,
      mostFaults: 3,
      until: Number.POSITIVE_INFINITY,
      mostStates: 500,
      watch: nothing,
    });
    expect(cut).toMatchObject({ kind: "cut", complete: 0 });
  });
});

test("one key, a run, and resume later: any crash and freeze together → every promise holds", async () => {
  const { simulation, promises } = await pairNamed("one key, a run, and resume later").make();
  const { inWorld, beforeSending, onEvents, atEnd, most } = createPromises(promises);
  const found = await exploreInterleavings({
    ...simulation,
    faults: ["crash", "freeze"],
    mostFaults: 2,
    until: Number.POSITIVE_INFINITY,
    mostStates: 100_000,
    watch: {
      inWorld,
      beforeSending,
      onEvents,
      atEnd: (world, { length: count }) =>
        atEnd(world, { count, crashes: 0, refusals: 0, journalAnswers: 0 }),
    },
  });
  expect(found).toMatchObject({ kind: "holds", complete: 2 });
  expect(most.regenerates).toBeGreaterThan(1);
});
