import { describe, expect, test } from "vitest";
import { redact } from "../../../src/domain/redacted.ts";
import {
  call,
  counter,
  counterExploration,
  counterSimulation,
  increment,
  incrementRunners,
  stateOf,
  values,
  vaultUrl,
  world,
} from "../scheduler/counterRunners.ts";
import type { RunnerDefinition, RunnerServices } from "../scheduler/runner.ts";
import { type Simulation, startSimulation } from "../scheduler/scheduler.ts";
import type { CallFault, ScheduleStep } from "../scheduler/scheduleStep.ts";
import { exploreAll, nextSteps, replay } from "./exploreAll.ts";

describe("counterExploration every schedule", () => {
  test("two runners read, modify and write without a lock → finds the lost update by the shortest schedule", async () => {
    const found = await exploreAll(counterExploration());
    expect(found).toMatchObject({
      kind: "violated",
      violation: "2 updates were stored, and the count is 1",
      steps: [
        "a: readLatest counter → normal",
        "b: readLatest counter → normal",
        "a: write counter → normal",
        "b: write counter → normal",
      ],
    });
  });

  test("the found schedule is replayed → the same violation in the same state", async () => {
    const terms = counterExploration();
    const found = await exploreAll(terms);
    if (found.kind !== "violated") throw new Error("Nothing was found");
    const again = await replay(terms, found.schedule);
    expect(again.log()).toEqual(found.steps);
    expect(await terms.oracle(again, true)).toBe(found.violation);
    expect(again.hash()).toBe((await replay(terms, found.schedule)).hash());
  });

  test("one runner, with any fault of its calls → no violation", async () => {
    const found = await exploreAll(
      counterExploration({
        ...counterSimulation(...incrementRunners("a")),
        callFaults: [
          { kind: "refused", code: "throttled" },
          { kind: "lostBefore" },
          { kind: "lostAfter" },
          { kind: "late" },
        ],
        bounds: { refusal: 1, loss: 1, crash: 1, freeze: 1 },
      }),
    );
    expect(found.kind).toBe("holds");
  });

  test("two runners that claim a blob first, with any fault of their calls → no violation", async () => {
    const incrementAfterClaim = async (services: RunnerServices): Promise<string> => {
      const claimed = await services.blobs.write("claim", "", { kind: "absent" });
      return claimed.kind === "written" ? increment(services) : claimed.kind;
    };
    const runners = ["a", "b"].map((id) => ({ id, run: incrementAfterClaim }));
    const found = await exploreAll(
      counterExploration({
        ...counterSimulation(...runners),
        callFaults: [{ kind: "lostBefore" }, { kind: "lostAfter" }, { kind: "late" }],
        bounds: { loss: 2, crash: 1, freeze: 1 },
      }),
    );
    expect(found.kind).toBe("holds");
    expect(found.ends).toBeGreaterThan(10);
  });

  test("two runners of two reads each → 9 states on 13 paths, and one end for all 6 orders", async () => {
    const readTwice: RunnerDefinition["run"] = async ({ secrets }) => {
      await secrets.readLatest(counter);
      await secrets.readLatest(counter);
    };
    const runners = ["a", "b"].map((id) => ({ id, run: readTwice }));
    const found = await exploreAll(counterExploration(counterSimulation(...runners)));
    expect(found).toEqual({ kind: "holds", states: 9, paths: 13, ends: 1 });
  });

  test("two runners write to two secrets → both orders lead to the same world", async () => {
    const writeOwn = (id: string): RunnerDefinition => ({
      id,
      async run({ secrets }) {
        await secrets.write({ vaultUrl, secretName: id }, { key: redact(id), contentType: "", tags: {} });
      },
    });
    const found = await exploreAll(counterExploration(counterSimulation(writeOwn("a"), writeOwn("b"))));
    expect(found).toEqual({ kind: "holds", states: 4, paths: 5, ends: 1 });
  });

  test("a violation that needs a crash → found with one crash in the bounds, not found without", async () => {
    const oracle = (simulation: Simulation, ended: boolean) =>
      ended && values(simulation).length === 0 ? "nothing was written" : undefined;
    const terms = { ...counterSimulation(...incrementRunners("a")), oracle };
    expect((await exploreAll(counterExploration(terms))).kind).toBe("holds");
    const found = await exploreAll(counterExploration({ ...terms, bounds: { crash: 1 } }));
    expect(found).toMatchObject({ kind: "violated", steps: ["a: kill"] });
  });

  test.each([
    [{ loss: 2, crash: 2 }, 2],
    [{ loss: 1 }, 1],
    [{}, 0],
  ])("bounds %j → at most %d faults in one schedule of two runners", async (bounds, most) => {
    const isFault = (step: string) => /kill|lostBefore/.test(step);
    let met = 0;
    const oracle = (simulation: Simulation) => {
      met = Math.max(met, simulation.log().filter(isFault).length);
      return undefined;
    };
    await exploreAll(counterExploration({ callFaults: [{ kind: "lostBefore" }], bounds, oracle }));
    expect(met).toBe(most);
  });

  test("a runner that throws → a violation, although the oracle finds nothing", async () => {
    const broken: RunnerDefinition = {
      id: "a",
      async run({ secrets }) {
        await secrets.readLatest(counter);
        throw new Error("defect");
      },
    };
    const found = await exploreAll(
      counterExploration({ ...counterSimulation(broken), oracle: () => undefined }),
    );
    expect(found).toMatchObject({ kind: "violated", violation: "no-exception: a threw Error: defect" });
  });
});

describe("next steps of a call", () => {
  const callFaults: readonly CallFault[] = [
    { kind: "refused", code: "throttled" },
    { kind: "lostBefore" },
    { kind: "lostAfter" },
    { kind: "late" },
    { kind: "diesBefore" },
    { kind: "diesAfter" },
  ];
  const terms = { callFaults, bounds: { refusal: 1, loss: 1, crash: 1 } };
  const tried = (simulation: Simulation, schedule: readonly ScheduleStep[]) =>
    nextSteps(simulation, terms, schedule).map((step) =>
      step.kind === "call" ? step.delivery.kind : step.kind,
    );

  test("a read → only faults without an effect; a write → every fault", async () => {
    const simulation = await startSimulation(counterSimulation(...incrementRunners("a")));
    expect(tried(simulation, [])).toEqual(["normal", "refused", "lostBefore", "diesBefore", "kill"]);
    await simulation.step(call("a", 1));
    expect(tried(simulation, [call("a", 1)])).toEqual([
      ...["normal", "refused", "lostBefore", "lostAfter", "late", "diesBefore", "diesAfter"],
      "kill",
    ]);
  });

  test("the bound of one kind of fault is used up → no more faults of that kind", async () => {
    const simulation = await startSimulation(counterSimulation(...incrementRunners("a", "b")));
    const lost = call("a", 1, { kind: "lostBefore" });
    await simulation.step(lost);
    expect(tried(simulation, [lost])).toEqual(["normal", "refused", "diesBefore", "kill"]);
  });
});

describe("states that differ only in times that a runner knows → not merged", () => {
  const alarm: RunnerDefinition = { id: "b", run: ({ clock }) => clock.sleep(5000) };

  /** All results that the runner can return, in seconds from the start. */
  async function results(run: (services: RunnerServices) => Promise<readonly number[]>) {
    const found = new Set<string>();
    const oracle = (simulation: Simulation, ended: boolean) => {
      const state = stateOf(simulation, "a");
      if (ended && state?.kind === "finished") found.add(JSON.stringify(state.value));
      return undefined;
    };
    await exploreAll(counterExploration({ ...counterSimulation({ id: "a", run }, alarm), oracle }));
    return [...found].sort();
  }
  const seconds = ({ clock }: RunnerServices) => (clock.now() - world.now) / 1000;

  test("the runner read the clock before its last two calls → each order gives its own result", async () => {
    const readings = await results(async (services) => {
      await services.secrets.readLatest(counter);
      const early = seconds(services);
      await services.secrets.readLatest(counter);
      await services.secrets.readLatest(counter);
      return [early, seconds(services)];
    });
    expect(readings).toEqual(["[0,0]", "[0,5]", "[5,5]"]);
  });

  test("the runner slept without reading the clock → each order gives its own result", async () => {
    const readings = await results(async (services) => {
      await services.secrets.readLatest(counter);
      await services.clock.sleep(10_000);
      return [seconds(services)];
    });
    expect(readings).toEqual(["[10]", "[15]"]);
  });
});
