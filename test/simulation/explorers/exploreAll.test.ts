import { describe, expect, test } from "vitest";
import { redact } from "../../../src/domain/redacted.ts";
import {
  call,
  counter,
  exploring,
  increment,
  incrementing,
  simulating,
  stateOf,
  values,
  vaultUrl,
  world,
} from "../scheduler/counterRunners.ts";
import type { RunnerDefinition, RunnerServices } from "../scheduler/runner.ts";
import { type Simulation, startSimulation } from "../scheduler/scheduler.ts";
import type { Choice, FateName } from "../scheduler/scheduleStep.ts";
import { exploreAll, offers, replay } from "./exploreAll.ts";

describe("exploring every schedule", () => {
  test("two runners read, modify and write without a lock → the lost update, by the shortest schedule", async () => {
    const found = await exploreAll(exploring());
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

  test("the schedule that was found, replayed → the same violation at the same moment", async () => {
    const terms = exploring();
    const found = await exploreAll(terms);
    if (found.kind !== "violated") throw new Error("Nothing was found");
    const again = await replay(terms, found.schedule);
    expect(again.log()).toEqual(found.steps);
    expect(await terms.oracle(again, true)).toBe(found.violation);
    expect(again.hash()).toBe((await replay(terms, found.schedule)).hash());
  });

  test("one runner, whatever becomes of its calls → nothing is found", async () => {
    const found = await exploreAll(
      exploring({
        ...simulating(...incrementing("a")),
        fates: [
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

  test("two runners that claim a blob first, whatever their calls meet → nothing is found", async () => {
    const underClaim = async (services: RunnerServices): Promise<string> => {
      const claimed = await services.blobs.write("claim", "", { kind: "absent" });
      return claimed.kind === "written" ? increment(services) : claimed.kind;
    };
    const runners = ["a", "b"].map((id) => ({ id, run: underClaim }));
    const found = await exploreAll(
      exploring({
        ...simulating(...runners),
        fates: [{ kind: "lostBefore" }, { kind: "lostAfter" }, { kind: "late" }],
        bounds: { loss: 2, crash: 1, freeze: 1 },
      }),
    );
    expect(found.kind).toBe("holds");
    expect(found.ends).toBeGreaterThan(10);
  });

  test("two runners of two calls that commute → 9 states on 12 edges, where 6 orders lead to one end", async () => {
    const readTwice: RunnerDefinition["run"] = async ({ secrets }) => {
      await secrets.readLatest(counter);
      await secrets.readLatest(counter);
    };
    const runners = ["a", "b"].map((id) => ({ id, run: readTwice }));
    const found = await exploreAll(exploring(simulating(...runners)));
    expect(found).toEqual({ kind: "holds", states: 9, paths: 13, ends: 1 });
  });

  test("writes to two secrets → they commute as well", async () => {
    const writeOwn = (id: string): RunnerDefinition => ({
      id,
      async run({ secrets }) {
        await secrets.write({ vaultUrl, secretName: id }, { key: redact(id), contentType: "", tags: {} });
      },
    });
    const found = await exploreAll(exploring(simulating(writeOwn("a"), writeOwn("b"))));
    expect(found).toEqual({ kind: "holds", states: 4, paths: 5, ends: 1 });
  });

  test("one crash allowed → a violation that needs one is found; none allowed → it is not", async () => {
    const oracle = (simulation: Simulation, ended: boolean) =>
      ended && values(simulation).length === 0 ? "nothing was written" : undefined;
    const terms = { ...simulating(...incrementing("a")), oracle };
    expect((await exploreAll(exploring(terms))).kind).toBe("holds");
    const found = await exploreAll(exploring({ ...terms, bounds: { crash: 1 } }));
    expect(found).toMatchObject({ kind: "violated", steps: ["a: kill"] });
  });

  test.each([
    [{ loss: 2, crash: 2 }, 2],
    [{ loss: 2, crash: 2, total: 1 }, 1],
    [{ loss: 1 }, 1],
    [{}, 0],
  ])(
    "two runners that can meet one fault each, within %j → at most %d in one schedule",
    async (bounds, most) => {
      const isFault = (step: string) => /kill|lostBefore/.test(step);
      let met = 0;
      const oracle = (simulation: Simulation) => {
        met = Math.max(met, simulation.log().filter(isFault).length);
        return undefined;
      };
      await exploreAll(exploring({ fates: [{ kind: "lostBefore" }], bounds, oracle }));
      expect(met).toBe(most);
    },
  );

  test("a runner that throws → a violation whatever the oracle says", async () => {
    const broken: RunnerDefinition = {
      id: "a",
      async run({ secrets }) {
        await secrets.readLatest(counter);
        throw new Error("defect");
      },
    };
    const found = await exploreAll(exploring({ ...simulating(broken), oracle: () => undefined }));
    expect(found).toMatchObject({ kind: "violated", violation: "no-exception: a threw Error: defect" });
  });
});

describe("what is tried with a call", () => {
  const fates: readonly FateName[] = [
    { kind: "refused", code: "throttled" },
    { kind: "lostBefore" },
    { kind: "lostAfter" },
    { kind: "late" },
    { kind: "diesBefore" },
    { kind: "diesAfter" },
  ];
  const terms = { fates, bounds: { refusal: 1, loss: 1, crash: 1 } };
  const tried = (simulation: Simulation, schedule: readonly Choice[]) =>
    offers(simulation, terms, schedule).map((choice) =>
      choice.kind === "call" ? choice.fate.kind : choice.kind,
    );

  test("a read → what leaves no effect, once; a write → every fate", async () => {
    const simulation = await startSimulation(simulating(...incrementing("a")));
    expect(tried(simulation, [])).toEqual(["normal", "refused", "lostBefore", "diesBefore", "kill"]);
    await simulation.step(call("a", 1));
    expect(tried(simulation, [call("a", 1)])).toEqual([
      ...["normal", "refused", "lostBefore", "lostAfter", "late", "diesBefore", "diesAfter"],
      "kill",
    ]);
  });

  test("a fault of a kind is spent → none of that kind any more", async () => {
    const simulation = await startSimulation(simulating(...incrementing("a", "b")));
    const lost = call("a", 1, { kind: "lostBefore" });
    await simulation.step(lost);
    expect(tried(simulation, [lost])).toEqual(["normal", "refused", "diesBefore", "kill"]);
  });
});

describe("when something happened, as far as a runner can tell → its moments are told apart by it", () => {
  const alarm: RunnerDefinition = { id: "b", run: ({ clock }) => clock.sleep(5000) };

  /** What the runner can come to, in seconds from the start. */
  async function results(run: (services: RunnerServices) => Promise<readonly number[]>) {
    const found = new Set<string>();
    const oracle = (simulation: Simulation, ended: boolean) => {
      const state = stateOf(simulation, "a");
      if (ended && state?.kind === "finished") found.add(JSON.stringify(state.value));
      return undefined;
    };
    await exploreAll(exploring({ ...simulating({ id: "a", run }, alarm), oracle }));
    return [...found].sort();
  }
  const seconds = ({ clock }: RunnerServices) => (clock.now() - world.now) / 1000;

  test("it read the clock before its last two calls", async () => {
    const readings = await results(async (services) => {
      await services.secrets.readLatest(counter);
      const early = seconds(services);
      await services.secrets.readLatest(counter);
      await services.secrets.readLatest(counter);
      return [early, seconds(services)];
    });
    expect(readings).toEqual(["[0,0]", "[0,5]", "[5,5]"]);
  });

  test("it went to sleep without a look at the clock", async () => {
    const readings = await results(async (services) => {
      await services.secrets.readLatest(counter);
      await services.clock.sleep(10_000);
      return [seconds(services)];
    });
    expect(readings).toEqual(["[10]", "[15]"]);
  });
});
