import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Run } from "../../src/domain/run.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type InvocationTerms, quietPeriodMs } from "../../src/rotation/terms.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { markerPrefix } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { createRun } from "../../src/runs/runs.ts";
import type { Fate } from "./fate.ts";
import type { WorldHolder } from "./perform.ts";
import { guidOf, type RunnerDefinition, type RunnerServices } from "./runner.ts";
import type { SimulationTerms } from "./scheduler.ts";
import { createModelServices } from "./services.ts";
import { accepts, createWorld, secretAt, type World } from "./world.ts";

export const callTimeoutMs = 30_000;
export const functionTimeoutMs = 1_800_000;
/** The platform's grace: so long after its time-out a worker may still live. */
export const graceMs = 60_000;
/** The last moment at which an attempt can take effect, in milliseconds after its invocation began. */
export const lastEffectMs = functionTimeoutMs + graceMs + callTimeoutMs;
const hourMs = 3_600_000;

export type Alter = (services: RunnerServices) => RunnerServices;
const asTheyAre: Alter = (services) => services;

/** What a process is handed when it is invoked. */
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

/** An invocation of `rotateOnSchedule`, or of the HTTP route: begins a run and drives it. */
export const running = (
  id: string,
  gateways: readonly Gateway[],
  run: Partial<Run> = {},
  alter = asTheyAre,
  concurrency = 1,
): RunnerDefinition => ({
  id,
  async run(given) {
    const { services, storage, terms } = invocation(alter(given), concurrency);
    const created = await createRun(storage, runNamed(id, run), gateways, quietPeriodMs(terms));
    if (created.kind !== "created") return created.kind;
    const driven = await driveRun(services, storage, created.claimed, terms);
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
  lifetimeMs: functionTimeoutMs + graceMs,
});

/** Sees what a process does that no scheduler drives. */
export interface CleanWatch {
  onWorld?(world: World): void;
  onEvents?(world: World, fresh: readonly RotationEvent[], earlier: readonly RotationEvent[]): void;
}

/**
 * Lets one process come to its end alone and without a fault, and shows every moment to `watch`. Where it is alone
 * and does one thing at a time no scheduler is needed: each call is done at once, and a sleep is over.
 */
export async function cleanly(
  world: World,
  { id, run }: RunnerDefinition,
  watch: CleanWatch = {},
): Promise<World> {
  const holder: WorldHolder = { world };
  const normal: Fate = { kind: "normal" };
  const events: RotationEvent[] = [];
  let guids = 0;
  await run({
    ...createModelServices(holder, async () => normal, {
      runner: id,
      observe: () => watch.onWorld?.(holder.world),
    }),
    events: {
      emit(event) {
        watch.onEvents?.(holder.world, [event], events);
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
  });
  return holder.world;
}

const isSettled = (world: World): boolean =>
  !world.blobs.blobs.some(({ name }) => name.startsWith(markerPrefix));

const mostTicks = 12;

/** Ticks of `resumeRotations`, an hour apart, until no run is open; undefined where that does not come. */
export async function recover(world: World, watch: CleanWatch = {}): Promise<World | undefined> {
  let at = world;
  for (let tick = 0; tick < mostTicks && !isSettled(at); tick += 1) {
    at = await cleanly({ ...at, now: at.now + hourMs }, resuming(`resume-${tick}`), watch);
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
    world = (await recover(world)) ?? world;
  }
  return { ...world, now: world.now + 24 * hourMs };
}
