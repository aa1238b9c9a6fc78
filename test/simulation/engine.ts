import type { Run } from "../../src/domain/events.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { driveRun } from "../../src/rotation/driveRun.ts";
import { resumeRuns } from "../../src/rotation/resume.ts";
import { createRun } from "../../src/rotation/runs.ts";
import type { InvocationTerms } from "../../src/rotation/services.ts";
import type { RunnerDefinition, RunnerServices } from "./runner.ts";
import { type SimulationTerms, startSimulation } from "./scheduler.ts";
import { accepts, createWorld, secretAt, type World } from "./world.ts";

export const callTimeoutMs = 30_000;
export const functionTimeoutMs = 1_800_000;
const hourMs = 3_600_000;

export type Alter = (services: RunnerServices) => RunnerServices;
const asTheyAre: Alter = (services) => services;

function invocation(services: RunnerServices) {
  const deadline = services.clock.now() + functionTimeoutMs - 4 * callTimeoutMs;
  const terms: InvocationTerms = {
    deploymentName: "prod",
    functionTimeoutMs,
    deadline,
    callTimeoutMs,
    concurrency: 1,
  };
  const { blobs, clock } = services;
  return {
    terms,
    storage: { blobs, clock, lastStart: deadline, callTimeoutMs },
    services: { ...services, events: { emit() {} } },
  };
}

/** An invocation of `rotateOnSchedule`, or of the HTTP route: begins a run and drives it. */
export const running = (
  id: string,
  gateways: readonly Gateway[],
  run: Partial<Run> = {},
  alter = asTheyAre,
): RunnerDefinition => ({
  id,
  async run(given) {
    const { services, storage, terms } = invocation(alter(given));
    const record: Run = {
      id,
      trigger: "schedule",
      reason: "scheduled",
      requestedBy: "timer",
      mode: "standard",
      takeOwnership: false,
      ...run,
    };
    const created = await createRun(storage, record, gateways);
    if (created.kind !== "held") return created.kind;
    const driven = await driveRun(services, storage, created.run, terms);
    return driven.kind === "driven"
      ? driven.result.failed.map(({ code, effect }) => `${code} ${effect}`)
      : driven.kind;
  },
});

/** An invocation of `resumeRotations`. */
export const resuming = (id: string, alter = asTheyAre): RunnerDefinition => ({
  id,
  async run(given) {
    const { services, storage, terms } = invocation(alter(given));
    const { result, problems } = await resumeRuns(services, storage, terms);
    return [...result.failed.map(({ code, effect }) => `${code} ${effect}`), ...problems];
  },
});

export const simulating = (world: World, ...runners: readonly RunnerDefinition[]): SimulationTerms => ({
  world,
  makeRunners: () => runners,
  callTimeoutMs,
  longestStallMs: functionTimeoutMs,
});

/** Lets runners come to their end without a fault, and hands every moment to `look`. */
export async function cleanly(
  world: World,
  runner: RunnerDefinition,
  look: (world: World) => void = () => {},
): Promise<World> {
  const simulation = await startSimulation(simulating(world, runner));
  for (let [next] = simulation.possible(); next !== undefined; [next] = simulation.possible()) {
    await simulation.step(next);
    look(simulation.world());
  }
  const [state] = simulation.runners().map((view) => view.state);
  if (state?.kind === "threw") throw state.error;
  return simulation.world();
}

const isSettled = (world: World): boolean => !world.blobs.blobs.some(({ name }) => name.startsWith("open/"));

const mostTicks = 12;

/** Ticks of `resumeRotations`, an hour apart, until no run is open; undefined where that does not come. */
export async function recover(world: World, look: (world: World) => void): Promise<World | undefined> {
  let at = world;
  for (let tick = 0; tick < mostTicks && !isSettled(at); tick += 1) {
    at = await cleanly({ ...at, now: at.now + hourMs }, resuming(`resume-${tick}`), look);
  }
  return isSettled(at) ? at : undefined;
}

export const versionsOf = (world: World, { secret }: Gateway) => secretAt(world, secret).versions;

/** Whether the service accepts what the vault hands out; undefined where nothing was ever published. */
export function publishedKeyWorks(world: World, of: Gateway): boolean | undefined {
  const published = versionsOf(world, of).at(-1);
  return published === undefined ? undefined : accepts(world, of.target, published.value);
}

/** A world in which these gateways were rotated `before` times, and everything has settled since. */
export async function worldOf(gateways: readonly Gateway[], before: number): Promise<World> {
  let world = createWorld({
    now: Date.parse("2026-11-23T03:00:00Z"),
    targets: gateways.map(({ target }) => target),
    vaultUrls: [...new Set(gateways.map(({ secret }) => secret.vaultUrl))],
  });
  for (let i = 0; i < before; i += 1) {
    world = await cleanly({ ...world, now: world.now + 24 * hourMs }, running(`earlier-${i}`, gateways));
    world = (await recover(world, () => {})) ?? world;
  }
  return { ...world, now: world.now + 24 * hourMs };
}
