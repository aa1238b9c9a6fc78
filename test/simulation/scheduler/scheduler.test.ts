import { describe, expect, test } from "vitest";
import { replay } from "../explorers/exploreAll.ts";
import {
  call,
  counterSimulation,
  increment,
  incrementRunners,
  stateOf,
  values,
  world,
} from "./counterRunners.ts";
import type { RunnerDefinition } from "./runner.ts";
import { startSimulation } from "./scheduler.ts";

describe("faults of runners", () => {
  test("killed between read and write → it has no further step, and its write is rejected", async () => {
    const simulation = await startSimulation(counterSimulation(...incrementRunners("a")));
    await simulation.step(call("a", 1));
    await simulation.step({ kind: "kill", runner: "a" });
    expect(simulation.possible()).toEqual([]);
    await expect(simulation.step(call("a", 2))).rejects.toThrow("Not possible now");
    expect(values(simulation)).toEqual([]);
    expect(stateOf(simulation, "a")).toEqual({ kind: "dead" });
  });

  test.each([
    ["diesBefore", []],
    ["diesAfter", ["1"]],
  ] as const)("%s in its write → the vault holds %j, and the runner is dead", async (kind, left) => {
    const simulation = await replay(counterSimulation(...incrementRunners("a")), [
      call("a", 1),
      call("a", 2, { kind }),
    ]);
    expect(values(simulation)).toEqual(left);
    expect(stateOf(simulation, "a")).toEqual({ kind: "dead" });
    expect(simulation.possible()).toEqual([]);
  });

  test("frozen between read and write while another runner writes → after the thaw it writes from its old read", async () => {
    const simulation = await replay(counterSimulation(...incrementRunners("a", "b")), [
      call("a", 1),
      { kind: "freeze", runner: "a" },
      call("b", 1),
      call("b", 2),
    ]);
    await expect(simulation.step(call("a", 2))).rejects.toThrow("Not possible now");
    await simulation.step({ kind: "thaw", runner: "a" });
    await simulation.step(call("a", 2));
    expect(values(simulation)).toEqual(["1", "1"]);
  });

  test("a late write → its caller ends first, the write takes effect later, and another runner reads it", async () => {
    const simulation = await replay(counterSimulation(...incrementRunners("a", "b")), [
      call("a", 1),
      call("a", 2, { kind: "late" }),
    ]);
    expect(stateOf(simulation, "a")).toEqual({ kind: "finished", value: "unclear" });
    expect(values(simulation)).toEqual([]);
    await simulation.step({ kind: "land", runner: "a", call: 2 });
    expect(values(simulation)).toEqual(["1"]);
    await simulation.step(call("b", 1));
    await simulation.step(call("b", 2));
    expect(values(simulation)).toEqual(["1", "2"]);
  });

  test("killed after a late call → the call still takes effect", async () => {
    const thenMore: RunnerDefinition = {
      id: "a",
      async run(services) {
        await increment(services);
        await increment(services);
      },
    };
    const simulation = await replay(counterSimulation(thenMore), [
      call("a", 1),
      call("a", 2, { kind: "late" }),
      { kind: "kill", runner: "a" },
      { kind: "land", runner: "a", call: 2 },
    ]);
    expect(values(simulation)).toEqual(["1"]);
  });

  test("a runner that awaits a real timer → the start fails and names the runner", async () => {
    const impatient: RunnerDefinition = {
      id: "a",
      run: () => new Promise((resolve) => setTimeout(resolve, 50)),
    };
    await expect(startSimulation(counterSimulation(impatient))).rejects.toThrow(
      "a awaits something that the scheduler does not own",
    );
  });
});

describe("virtual time", () => {
  const sleeper = (id: string, ms: number): RunnerDefinition => ({
    id,
    async run({ clock }) {
      await clock.sleep(ms);
      return clock.now();
    },
  });

  test("two runners sleep → the clock advances to the earlier timer first, then to the later one", async () => {
    const simulation = await startSimulation(counterSimulation(sleeper("a", 5000), sleeper("b", 2000)));
    expect(simulation.possible()).toEqual([{ kind: "timer", runner: "b" }]);
    await simulation.step({ kind: "timer", runner: "b" });
    await simulation.step({ kind: "timer", runner: "a" });
    expect(stateOf(simulation, "b")).toEqual({ kind: "finished", value: world.now + 2000 });
    expect(stateOf(simulation, "a")).toEqual({ kind: "finished", value: world.now + 5000 });
  });

  test("a pending call → the clock does not advance beyond the call's time limit", async () => {
    const simulation = await startSimulation(
      counterSimulation(...incrementRunners("a"), sleeper("b", 40_000)),
    );
    expect(simulation.latestTime()).toBe(world.now + 30_000);
    expect(simulation.possible()).toEqual([call("a", 1)]);
  });

  test("a late call → the clock does not advance beyond the time at which it takes effect at the latest", async () => {
    const simulation = await replay(counterSimulation(...incrementRunners("a"), sleeper("b", 40_000)), [
      call("a", 1),
      call("a", 2, { kind: "late" }),
    ]);
    expect(simulation.possible()).toEqual([{ kind: "land", runner: "a", call: 2 }]);
    await simulation.step({ kind: "land", runner: "a", call: 2 });
    expect(simulation.possible()).toEqual([{ kind: "timer", runner: "b" }]);
  });

  test("frozen → the clock advances up to the longest stall, and the runner sends its calls after the thaw", async () => {
    const simulation = await replay(counterSimulation(...incrementRunners("a")), [
      { kind: "freeze", runner: "a" },
      { kind: "wait", ms: 1_800_000 },
    ]);
    expect(simulation.possible()).toEqual([{ kind: "thaw", runner: "a" }]);
    await expect(simulation.step({ kind: "wait", ms: 1 })).rejects.toThrow("Not possible now");
    await simulation.step({ kind: "thaw", runner: "a" });
    expect(simulation.latestTime()).toBe(world.now + 1_800_000 + 30_000);
  });

  test("frozen beyond its timer → the timer fires late, after the thaw", async () => {
    const simulation = await replay(counterSimulation(sleeper("a", 1000)), [
      { kind: "freeze", runner: "a" },
      { kind: "wait", ms: 60_000 },
      { kind: "thaw", runner: "a" },
      { kind: "timer", runner: "a" },
    ]);
    expect(stateOf(simulation, "a")).toEqual({ kind: "finished", value: world.now + 60_000 });
  });
});
