import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { rotateAll } from "../../src/rotation/rotateAll.ts";
import { gateway, runtime } from "../support/gateways.ts";
import type { FateName } from "./choice.ts";
import { type Exploration, exploreAll } from "./explore.ts";
import type { RunnerDefinition, RunnerServices } from "./runner.ts";
import { type Simulation, type SimulationTerms, startSimulation } from "./scheduler.ts";
import { accepts, createWorld, regenerations, secretAt, type World } from "./world.ts";

const callTimeoutMs = 30_000;
const functionTimeoutMs = 1_800_000;
const hourMs = 3_600_000;

/** What a run came to, as far as it matters to the key. */
interface Outcome {
  readonly rotated: number;
  readonly effects: readonly string[];
}

const rotating = (id: string, of: Gateway, alter = asTheyAre): RunnerDefinition => ({
  id,
  async run(services): Promise<Outcome> {
    const { rotated, failed } = await rotateAll({ ...alter(services), events: { emit() {} } }, [of], {
      run: { id, trigger: "schedule", reason: "scheduled", requestedBy: "timer" },
      deploymentName: "prod",
      deadline: services.clock.now() + functionTimeoutMs - 4 * callTimeoutMs,
      callTimeoutMs,
      concurrency: 1,
    });
    return { rotated, effects: failed.map(({ effect }) => effect) };
  },
});

const asTheyAre = (services: RunnerServices): RunnerServices => services;

const simulating = (world: World, id: string, of: Gateway, alter = asTheyAre): SimulationTerms => ({
  world,
  makeRunners: () => [rotating(id, of, alter)],
  callTimeoutMs,
  longestStallMs: functionTimeoutMs,
});

/** One run without a fault, an hour later. Hands every moment of it to `look`. */
async function runCleanly(
  world: World,
  id: string,
  of: Gateway,
  look: (world: World) => void = () => {},
): Promise<World> {
  const simulation = await startSimulation(simulating({ ...world, now: world.now + hourMs }, id, of));
  for (let [next] = simulation.possible(); next !== undefined; [next] = simulation.possible()) {
    await simulation.step(next);
    look(simulation.world());
  }
  expect(simulation.runners()).toMatchObject([{ state: { kind: "finished", value: { rotated: 1 } } }]);
  return simulation.world();
}

const versions = (world: World, of: Gateway) => secretAt(world, of.secret).versions;

/** Whether the service accepts what the vault hands out; undefined where nothing was ever published. */
function publishedKeyWorks(world: World, of: Gateway): boolean | undefined {
  const published = versions(world, of).at(-1);
  return published === undefined ? undefined : accepts(world, of.target, published.value);
}

async function worldBefore(rotation: string, of: Gateway): Promise<World> {
  const start = Date.parse("2026-11-23T03:00:00Z");
  const empty = createWorld({ now: start, targets: [of.target], vaultUrls: [of.secret.vaultUrl] });
  return rotation === "first" ? empty : runCleanly(empty, "earlier", of);
}

const cases = [
  {
    target: "one-key",
    of: gateway(),
    rotation: "first",
    looks: ["readDeleted adf-gatewaytest-key"],
    slot: "key",
  },
  { target: "one-key", of: gateway(), rotation: "later", looks: [], slot: "key" },
  {
    target: "two-key",
    of: runtime(),
    rotation: "first",
    looks: ["readDeleted adf-sales-warehouse"],
    slot: "authKey2",
  },
  { target: "two-key", of: runtime(), rotation: "later", looks: ["listKeys warehouse"], slot: "authKey1" },
] as const;

describe.each(cases)("a $target target, $rotation rotation", ({ of, rotation, looks, slot }) => {
  test("no fault → one regenerate, one new version, and it works", async () => {
    const before = await worldBefore(rotation, of);
    const after = await runCleanly(before, "run", of);
    expect(regenerations(after, of.target) - regenerations(before, of.target)).toBe(1);
    expect(versions(after, of).length - versions(before, of).length).toBe(1);
    expect(publishedKeyWorks(after, of)).toBe(true);
  });

  test.each([
    { faults: 1, most: { regenerates: 2, versions: 2 } },
    { faults: 2, most: { regenerates: 2, versions: 3 } },
  ])(
    "$faults of its calls meet any fate → a key that works, after one clean run at the latest, for at most $most.regenerates regenerates",
    async ({ faults, most }) => {
      const explored = await explore(await worldBefore(rotation, of), of, faults);
      expect(explored.found).toMatchObject({ kind: "holds" });
      expect(explored.most).toEqual(most);
      expect([...explored.calls].sort()).toEqual(
        [
          ...looks,
          `readLatest ${of.secret.secretName}`,
          "write gateway-key-rotation-preflight",
          `regenerate ${of.name} ${slot}`,
          `write ${of.secret.secretName}`,
        ].sort(),
      );
    },
  );

  test("an engine that took an unknown outcome for unchanged → found out: what lands late kills the key", async () => {
    const { found } = await explore(await worldBefore(rotation, of), of, 1, takingUnknownForUnchanged);
    if (found.kind !== "violated") throw new Error("It was not found out");
    const regenerate = `run: regenerate ${of.name} ${slot}`;
    expect(found.steps.filter((step) => /regenerate|late/.test(step))).toEqual([
      `${regenerate} → late`,
      `${regenerate} → normal`,
      `${regenerate} lands late`,
    ]);
  });
});

function takingUnknownForUnchanged(services: RunnerServices): RunnerServices {
  const regenerate: RunnerServices["keys"]["regenerate"] = async (...call) => {
    const outcome = await services.keys.regenerate(...call);
    return outcome.kind === "unknown" ? { ...outcome, kind: "unchanged" } : outcome;
  };
  return { ...services, keys: { ...services.keys, regenerate } };
}

/** A clear no of each kind, and all the ways in which an answer is not seen. */
const fates: readonly FateName[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "late" },
  { kind: "diesBefore" },
  { kind: "diesAfter" },
];

interface Explored {
  readonly found: Exploration;
  /** The most that one schedule cost, its clean run included: regenerates in all, versions in the faulty run. */
  readonly most: { readonly regenerates: number; readonly versions: number };
  /** Every call that could meet a fault. */
  readonly calls: ReadonlySet<string>;
}

async function explore(
  before: World,
  of: Gateway,
  faults: number,
  alter?: (services: RunnerServices) => RunnerServices,
): Promise<Explored> {
  const most = { regenerates: 0, versions: 0 };
  const calls = new Set<string>();

  /** Two keys are there so that what is published works at every moment. */
  const alwaysWorks = (world: World): string | undefined =>
    of.target.kind === "integrationRuntime" && publishedKeyWorks(world, of) === false
      ? "the published key is dead"
      : undefined;

  async function verdictAtEnd(simulation: Simulation): Promise<string | undefined> {
    let world = simulation.world();
    most.versions = Math.max(most.versions, versions(world, of).length - versions(before, of).length);
    let violation: string | undefined;
    if (leftInDoubt(simulation)) {
      world = await runCleanly(world, "next", of, (moment) => {
        violation ??= alwaysWorks(moment);
      });
    }
    const regenerates = regenerations(world, of.target) - regenerations(before, of.target);
    most.regenerates = Math.max(most.regenerates, regenerates);
    const works = publishedKeyWorks(world, of) ?? publishedKeyWorks(before, of) === undefined;
    return violation ?? (works ? undefined : "the vault was left with a dead key");
  }

  const found = await exploreAll({
    ...simulating({ ...before, now: before.now + hourMs }, "run", of, alter),
    fates,
    bounds: { refusal: faults, loss: faults, crash: faults, total: faults },
    async oracle(simulation, ended) {
      for (const { call } of simulation.runners().flatMap((runner) => runner.calls)) {
        calls.add(`${call.operation} ${call.subject}`);
      }
      return alwaysWorks(simulation.world()) ?? (ended ? verdictAtEnd(simulation) : undefined);
    },
  });
  return { found, most, calls };
}

/** The process died, or said itself that it does not know, or that a key was made and could not be stored. */
function leftInDoubt(simulation: Simulation): boolean {
  return simulation.runners().some(({ state }) => {
    if (state.kind !== "finished") return true;
    return !isOutcome(state.value) || state.value.effects.some((effect) => effect !== "unchanged");
  });
}

const isOutcome = (value: unknown): value is Outcome =>
  typeof value === "object" && value !== null && "effects" in value && Array.isArray(value.effects);
