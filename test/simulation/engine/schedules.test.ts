import { describe, expect, test } from "vitest";
import type { Gateway } from "../../../src/domain/target.ts";
import { gateway, runtime } from "../../support/gateways.ts";
import type { Call } from "../models/call.ts";
import { regenerations } from "../models/world.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import { startSimulation } from "../scheduler/scheduler.ts";
import { startingAfter } from "./configurations.ts";
import {
  type Alter,
  engineSimulation,
  functionTimeoutMs,
  publishedKeyWorks,
  recover,
  resumeRunner,
  rotatedWorld,
  rotationRunner,
  runWithoutFaults,
} from "./engineRunners.ts";

/** Schedules that once lost a key or broke another promise. They stay as they were found. */

const second = 1000;

/** A run named `a`, ticks of resume named `b` and `c` so many seconds after its start, and functions to drive them. */
function prepare(of: Gateway, ...ticks: readonly number[]) {
  return prepareRunners(
    of,
    ticks.map((at, i) => startingAfter(at * second, resumeRunner("bc"[i] ?? "z"))),
  );
}

/** A run named `a`, and other runners. */
async function prepareRunners(of: Gateway, others: readonly RunnerDefinition[]) {
  const before = await rotatedWorld([of], 1);
  const simulation = await startSimulation(engineSimulation(before, rotationRunner("a", [of]), ...others));
  let wasDead = false;

  async function step(next: Parameters<typeof simulation.step>[0]): Promise<void> {
    await simulation.step(next);
    wasDead ||= publishedKeyWorks(simulation.world(), of) === false;
  }
  const pending = (id: string) => simulation.runners().find((runner) => runner.id === id)?.calls[0];

  /** Lets a runner proceed until its next call is the given one, or else to its end. */
  async function proceed(id: string, stop: (call: Call) => boolean = () => false): Promise<void> {
    for (;;) {
      const next = pending(id);
      if (next === undefined) {
        const timer = simulation.possible().find((each) => each.kind === "timer" && each.runner === id);
        if (timer === undefined) return;
        await step(timer);
      } else {
        if (stop(next.call)) return;
        await step({ kind: "call", runner: id, call: next.number, delivery: { kind: "normal" } });
      }
    }
  }

  return {
    step,
    proceed,
    pending,
    sinceStart: () => simulation.world().now - before.now,
    possible: () => simulation.possible(),
    /** Whether the published key is dead now, was dead at any moment, and works after recovery. */
    async outcome() {
      const recovered = await recover(simulation.world());
      return {
        wasDead,
        worksInTheEnd: recovered !== undefined && publishedKeyWorks(recovered, of) === true,
      };
    },
  };
}

const isJournalWrite = ({ operation, subject }: Call): boolean =>
  operation === "writeBlob" && subject.startsWith("gateways/");
const isRegenerate = ({ operation }: Call): boolean => operation === "regenerate";

describe("a slow journal write, a stall as long as the time-out, another runner when the quiet period seems over", () => {
  test.each([
    { of: runtime(), keys: "two keys", slowMs: 3 * second, tick: 1831 },
    { of: gateway(), keys: "one key", slowMs: 29 * second, tick: 1835 },
  ])("$keys → the late regenerate leaves no dead key", async ({ of, slowMs, tick }) => {
    const { step, proceed, outcome } = await prepare(of, tick);
    await proceed("a", isJournalWrite);
    await step({ kind: "wait", ms: slowMs });
    await proceed("a", isRegenerate);
    await step({ kind: "freeze", runner: "a" });
    await step({ kind: "wait", ms: functionTimeoutMs });
    await step({ kind: "thaw", runner: "a" });
    await step({ kind: "timer", runner: "b" });
    await proceed("b");
    await proceed("a");
    const { wasDead, worksInTheEnd } = await outcome();
    expect(worksInTheEnd).toBe(true);
    // One key is dead from its regenerate to its store in any rotation.
    if (of.target.kind === "integrationRuntime") expect(wasDead).toBe(false);
  });
});

test("the vault refuses a key for 25 minutes, and its runner stalls before the store → no dead key", async () => {
  const of = runtime();
  const tick = 1835;
  const { step, proceed, pending, possible, sinceStart, outcome } = await prepare(of, tick);
  const isStore = ({ operation, subject }: Call): boolean =>
    operation === "write" && subject === of.secret.secretName;
  await proceed("a", isStore);
  while (sinceStart() < 25 * 60 * second) {
    const next = pending("a");
    const timer = possible().find((each) => each.kind === "timer" && each.runner === "a");
    if (next !== undefined) {
      const refused = { kind: "refused", code: "forbidden" } as const;
      const delivery = next.call.operation === "write" ? refused : ({ kind: "normal" } as const);
      await step({ kind: "call", runner: "a", call: next.number, delivery });
    } else if (timer !== undefined) await step(timer);
    else throw new Error("The runner dropped its key");
  }
  await proceed("a", isStore);
  await step({ kind: "freeze", runner: "a" });
  await step({ kind: "wait", ms: (tick - 1) * second - sinceStart() });
  await step({ kind: "timer", runner: "b" });
  await proceed("b");
  await step({ kind: "thaw", runner: "a" });
  await proceed("a");
  expect(await outcome()).toEqual({ wasDead: false, worksInTheEnd: true });
});

test("a process dies before its request, then the vault refuses writes → no takeover kills the working key", async () => {
  const of = gateway();
  const before = await rotatedWorld([of], 1);
  const problem = { code: "forbidden" as const, message: "The vault refuses writes.", transient: false };
  const refusing: Alter = (services) => ({
    ...services,
    secrets: { ...services.secrets, write: async () => ({ kind: "refused", problem }) },
  });
  const simulation = await startSimulation(engineSimulation(before, rotationRunner("a", [of])));
  for (let dies = false; !dies; ) {
    const next = simulation.runners()[0]?.calls[0];
    if (next === undefined) throw new Error("The run has ended");
    dies = isRegenerate(next.call);
    const delivery = { kind: dies ? "diesBefore" : "normal" } as const;
    await simulation.step({ kind: "call", runner: "a", call: next.number, delivery });
  }
  let world = simulation.world();
  for (let tick = 0; tick < 6; tick += 1)
    world = await runWithoutFaults(
      { ...world, now: world.now + 3600 * second },
      resumeRunner(`t${tick}`, refusing),
    );
  expect(regenerations(world, of.target)).toBe(regenerations(before, of.target));
  expect(publishedKeyWorks(world, of)).toBe(true);
});

describe("three runners of a two-key gateway", () => {
  test("the first dies, the second takes over and stalls before its regenerate → the third waits for it", async () => {
    const { step, proceed, outcome } = await prepare(runtime(), 1895, 2135);
    await proceed("a", isRegenerate);
    await step({ kind: "kill", runner: "a" });
    await proceed("b", isRegenerate);
    await step({ kind: "freeze", runner: "b" });
    await proceed("c");
    await step({ kind: "thaw", runner: "b" });
    await proceed("b");
    expect(await outcome()).toEqual({ wasDead: false, worksInTheEnd: true });
  });

  test("the first stalls for the whole time-out → the second, 5 seconds later, waits for it", async () => {
    const { step, proceed, outcome } = await prepare(runtime(), 1805);
    await proceed("a", isRegenerate);
    await step({ kind: "freeze", runner: "a" });
    await step({ kind: "wait", ms: functionTimeoutMs });
    await step({ kind: "thaw", runner: "a" });
    await proceed("b");
    await proceed("a");
    expect(await outcome()).toEqual({ wasDead: false, worksInTheEnd: true });
  });
});

test("a process stalls before it writes its key again, and two more rotations follow → no dead key", async () => {
  const of = runtime();
  const requested = (id: string, at: number) =>
    startingAfter(at * second, rotationRunner(id, [of], { trigger: "http" }));
  const { step, proceed, pending, outcome } = await prepareRunners(of, [
    startingAfter(180 * second, resumeRunner("b")),
    requested("c", 360),
    requested("d", 540),
  ]);
  const isStore = ({ operation, subject }: Call): boolean =>
    operation === "write" && subject === of.secret.secretName;
  await proceed("a", isStore);
  const store = pending("a")?.number ?? -1;
  await step({ kind: "call", runner: "a", call: store, delivery: { kind: "late" } });
  // The runner reads the secret, finds no new version, and is about to write its key again.
  await proceed("a", isStore);
  await step({ kind: "freeze", runner: "a" });
  await step({ kind: "land", runner: "a", call: store });
  for (const id of ["b", "c", "d"]) {
    await step({ kind: "timer", runner: id });
    await proceed(id);
  }
  await step({ kind: "thaw", runner: "a" });
  await proceed("a");
  expect(await outcome()).toEqual({ wasDead: false, worksInTheEnd: true });
});
