import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Gateway, Run } from "../../../src/domain/target.ts";
import type { InvocationTerms } from "../../../src/rotation/context.ts";
import { driveRun } from "../../../src/runs/driveRun.ts";
import { markerPrefix } from "../../../src/runs/marker.ts";
import { resumeRuns } from "../../../src/runs/resume.ts";
import { createRun } from "../../../src/runs/runs.ts";
import type { Delivery } from "../models/delivery.ts";
import { createModelServices } from "../models/modelServices.ts";
import type { WorldHolder } from "../models/performCall.ts";
import { accepts, createWorld, secretAt, type World } from "../models/world.ts";
import { isLeftToResume } from "../promises/storedRecords.ts";
import { guidOf, type RunnerDefinition, type RunnerServices } from "../scheduler/runner.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";

export const callTimeoutMs = 30_000;
export const functionTimeoutMs = 1_800_000;
/** The platform's grace: a worker may still live so long after its time-out. */
export const graceMs = 60_000;
/** The last moment at which an attempt can take effect, in milliseconds after its invocation began. */
export const lastEffectMs = functionTimeoutMs + graceMs + callTimeoutMs;
const hourMs = 3_600_000;

/** Changes the services that one process receives. */
export type Alter = (services: RunnerServices) => RunnerServices;
const asTheyAre: Alter = (services) => services;

/** What a process receives for one invocation. */
export function invocation(services: RunnerServices, concurrency = 1) {
  const deadline = services.clock.now() + functionTimeoutMs - 4 * callTimeoutMs;
  const terms: InvocationTerms = {
    deploymentName: "prod",
    functionTimeoutMs,
    deadline,
    callTimeoutMs,
    concurrency,
  };
  const { blobs, clock } = services;
  return {
    terms,
    storage: { blobs, clock, lastStart: deadline, callTimeoutMs },
    services,
  };
}

export const runNamed = (id: string, terms: Partial<Run> = {}): Run => ({
  id,
  trigger: "schedule",
  reason: "scheduled",
  requestedBy: "timer",
  mode: "standard",
  takeOwnership: false,
  ...terms,
});

/** An invocation of `rotateOnSchedule` or of the HTTP route: creates a run and drives it. */
export const rotationRunner = (
  id: string,
  gateways: readonly Gateway[],
  run: Partial<Run> = {},
  alter = asTheyAre,
  concurrency = 1,
): RunnerDefinition => ({
  id,
  async run(given) {
    const { services, storage, terms } = invocation(alter(given), concurrency);
    const created = await createRun(storage, { ...runNamed(id, run), driver: id }, () => gateways);
    if (created.kind !== "created") return created.kind;
    const driven = await driveRun(services, storage, created, terms);
    return driven.kind === "driven"
      ? driven.result.failed.map(({ code, effect }) => `${code} ${effect}`)
      : driven.kind;
  },
});

/** An invocation of `resumeRotations`. */
export const resumeRunner = (id: string, alter = asTheyAre): RunnerDefinition => ({
  id,
  async run(given) {
    const { services, storage, terms } = invocation(alter(given));
    const { result, problems } = await resumeRuns(services, storage, terms);
    return [...result.failed.map(({ code, effect }) => `${code} ${effect}`), ...problems];
  },
});

export const engineSimulation = (world: World, ...runners: readonly RunnerDefinition[]): SimulationTerms => ({
  world,
  runners,
  callTimeoutMs,
  lifetimeMs: functionTimeoutMs + graceMs,
});

/** Observes a process that runs without a scheduler. */
export interface RunObserver {
  onWorld?(world: World): void;
  onEvents?(world: World, fresh: readonly RotationEvent[], earlier: readonly RotationEvent[]): void;
}

/**
 * Runs one process to its end, alone and without a fault. It does one thing at a time, so it needs no scheduler: each
 * call takes effect at once, and a sleep only advances the clock.
 *
 * @param observer receives every world and every event on the way
 */
export async function runWithoutFaults(
  world: World,
  { id, run }: RunnerDefinition,
  observer: RunObserver = {},
): Promise<World> {
  const holder: WorldHolder = { world };
  const normal: Delivery = { kind: "normal" };
  const events: RotationEvent[] = [];
  let guids = 0;
  await run({
    ...createModelServices(holder, async () => normal, {
      runner: id,
      observe: () => observer.onWorld?.(holder.world),
    }),
    events: {
      emit(event) {
        observer.onEvents?.(holder.world, [event], events);
        events.push(event);
      },
    },
    clock: {
      now: () => holder.world.now,
      async sleep(ms) {
        holder.world = { ...holder.world, now: holder.world.now + ms };
      },
    },
    newGuid: () => guidOf(id, ++guids),
    random: () => 0.5,
  });
  return holder.world;
}

const hasNoOpenRun = (world: World): boolean =>
  !world.blobs.blobs.some(({ name }) => name.startsWith(markerPrefix));

const mostTicks = 12;

/**
 * Ticks of `resumeRotations`, an hour apart, until nothing is left to do.
 *
 * @returns undefined if a run stays open
 */
export async function recover(world: World, observer: RunObserver = {}): Promise<World | undefined> {
  let at = world;
  for (let tick = 0; tick < mostTicks && at.blobs.blobs.some(isLeftToResume); tick += 1) {
    at = await runWithoutFaults({ ...at, now: at.now + hourMs }, resumeRunner(`resume-${tick}`), observer);
  }
  return hasNoOpenRun(at) ? at : undefined;
}

/** All versions of a gateway's secret, oldest first. */
export const versionsOf = (world: World, { secret }: Gateway) => secretAt(world, secret).versions;

/** Whether the service accepts the latest version; undefined: the secret has no version. */
export function publishedKeyWorks(world: World, of: Gateway): boolean | undefined {
  const published = versionsOf(world, of).at(-1);
  return published === undefined ? undefined : accepts(world, of.target, published.value);
}

/** A world in which these gateways were rotated `before` times and every run has ended. */
export async function rotatedWorld(gateways: readonly Gateway[], before: number): Promise<World> {
  let world = createWorld({
    now: Date.parse("2026-11-23T03:00:00Z"),
    targets: gateways.map(({ target }) => target),
    vaultUrls: [...new Set(gateways.map(({ secret }) => secret.vaultUrl))],
  });
  for (let i = 0; i < before; i += 1) {
    world = await runWithoutFaults(
      { ...world, now: world.now + 24 * hourMs },
      rotationRunner(`earlier-${i}`, gateways),
    );
    world = (await recover(world)) ?? world;
  }
  return { ...world, now: world.now + 24 * hourMs };
}
