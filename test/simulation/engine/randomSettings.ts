import fc from "fast-check";
import { redact } from "../../../src/domain/redacted.ts";
import type { Gateway, Run } from "../../../src/domain/target.ts";
import { gateway, namedGateway, runtime } from "../../support/gateways.ts";
import type { ExploreTerms } from "../explorers/exploreAll.ts";
import type { World } from "../models/world.ts";
import type { PromiseTerms } from "../promises/endPromises.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import type { CallFault } from "../scheduler/scheduleStep.ts";
import { journalDeleter, slowRun, slowTick, startingAfter } from "./configurations.ts";
import { engineSimulation, functionTimeoutMs, graceMs, lastEffectMs, rotatedWorld } from "./engineRunners.ts";

/**
 * Several gateways, runs and ticks of resume at once, on processes with wrong clocks, with changes outside this system,
 * and with a configuration that is edited between two runs. It is plain data, so fast-check can shrink and print it.
 */
export interface RandomSetting {
  readonly gateways: number;
  /** Whether the gateways were rotated before. */
  readonly rotated: boolean;
  readonly processes: readonly PlannedProcess[];
  /** Whether processes' clocks are moved while they work. */
  readonly clocksJump: boolean;
}

type PlannedProcess = {
  /** When it begins, in milliseconds after the simulation begins. */
  readonly startsAfterMs: number;
  /** Its own clock less the services' clock, in milliseconds. */
  readonly clockMs: number;
} & (
  | {
      readonly kind: "run";
      readonly mode: Run["mode"];
      /** How the configuration has each gateway at this run. */
      readonly configured: readonly ConfiguredAs[];
      /** How many gateways the run rotates at the same time. */
      readonly concurrency: number;
    }
  | { readonly kind: "tick" }
  /** A version of this gateway's secret is written outside this system, or its journal is deleted. */
  | { readonly kind: "outsideWrite" | "journalDeletion"; readonly gateway: number }
);

type ConfiguredAs = "asBefore" | "otherSecret" | "otherVault" | "removed";

const threeGateways: readonly Gateway[] = [gateway(), runtime(), namedGateway("another")];
const otherVault = "https://fabrikam-keys.vault.azure.net";

const minuteMs = 60_000;
const times = {
  startsAfterMs: fc.oneof(
    { weight: 5, arbitrary: fc.nat({ max: 45 }).map((minute) => minute * minuteMs) },
    { weight: 1, arbitrary: fc.integer({ min: lastEffectMs - 2000, max: lastEffectMs + 2000 }) },
  ),
  clockMs: fc.oneof(fc.constant(0), fc.integer({ min: -10 * minuteMs, max: 10 * minuteMs })),
};
const asBefore = fc.constant("asBefore" as const);
const configuredAs = fc.oneof(
  { weight: 4, arbitrary: asBefore },
  {
    weight: 1,
    arbitrary: fc.constantFrom("otherSecret" as const, "otherVault" as const, "removed" as const),
  },
);
const runs = (configured: fc.Arbitrary<ConfiguredAs>) =>
  fc.record({
    ...times,
    kind: fc.constant("run" as const),
    mode: fc.constantFrom("standard" as const, "standard" as const, "compromised" as const),
    configured: fc.array(configured, { minLength: threeGateways.length, maxLength: threeGateways.length }),
    concurrency: fc.integer({ min: 1, max: threeGateways.length }),
  });
const ticks = fc.record({ ...times, kind: fc.constant("tick" as const) });
const outsideActions = fc.record({
  ...times,
  kind: fc.constantFrom("outsideWrite" as const, "journalDeletion" as const),
  gateway: fc.nat({ max: threeGateways.length - 1 }),
});

/** Half of them have runs and ticks only, since fewer promises hold with outside changes and edits. */
export const randomSettings: fc.Arbitrary<RandomSetting> = fc.record({
  gateways: fc.integer({ min: 1, max: threeGateways.length }),
  rotated: fc.boolean(),
  processes: fc.oneof(
    fc.array(fc.oneof(runs(asBefore), ticks), { minLength: 2, maxLength: 7, size: "max" }),
    fc.array(fc.oneof(runs(configuredAs), ticks, outsideActions), {
      minLength: 2,
      maxLength: 7,
      size: "max",
    }),
  ),
  clocksJump: fc.boolean(),
});

/** Every fault of a call that the simulation knows, refusals by three of their codes. */
export const callFaults: readonly CallFault[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
  { kind: "refused", code: "bad-request" },
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "twice" },
  { kind: "late" },
  { kind: "diesBefore" },
  { kind: "diesAfter" },
];

const jumpMs = 5 * minuteMs;
const mostJumps = 2;

/** What a setting explores, and what is promised there. */
export interface RandomExploration {
  readonly terms: Omit<ExploreTerms, "oracle">;
  readonly promises: PromiseTerms;
}

export async function randomExploration({
  gateways,
  rotated,
  processes,
  clocksJump,
}: RandomSetting): Promise<RandomExploration> {
  const all = threeGateways.slice(0, gateways);
  const before = await settledWorld(all, rotated);
  const runners = processes.map((planned, i) => runnerOf(`${planned.kind} ${i + 1}`, planned, all));
  const lastRun = processes
    .filter((planned) => planned.kind === "run")
    .toSorted((a, b) => a.startsAfterMs - b.startsAfterMs)
    .at(-1);
  return {
    terms: {
      ...engineSimulation(before, ...runners),
      // A process whose clock is moved back dates its attempts too early, so it must end sooner (assumption 2).
      lifetimeMs: functionTimeoutMs + graceMs - (clocksJump ? mostJumps * jumpMs : 0),
      callFaults,
      bounds: {
        refusal: 4,
        loss: 4,
        crash: 3,
        freeze: 1,
        wait: 4,
        slow: 4,
        jump: clocksJump ? mostJumps : 0,
      },
      waitsMs: [10_000, 29_000, minuteMs, 10 * minuteMs],
      jumpsMs: [-jumpMs, jumpMs],
    },
    promises: {
      gateways: all,
      configured: lastRun === undefined ? all : edit(all, lastRun.configured),
      outsideWrites: processes.some(({ kind }) => kind === "outsideWrite"),
      journalsDeleted: processes.some(({ kind }) => kind === "journalDeletion"),
      edited: processes.some(
        (planned) => planned.kind === "run" && planned.configured.some((as) => as !== "asBefore"),
      ),
      clocksJump,
      before,
      keys: { least: 0, most: keysAskedFor(processes) },
      alone: false,
    },
  };
}

/** How many keys of one gateway the runs ask for: one for each run, or two in mode compromised. */
const keysAskedFor = (processes: readonly PlannedProcess[]): number =>
  processes.reduce(
    (sum, planned) => sum + (planned.kind !== "run" ? 0 : planned.mode === "compromised" ? 2 : 1),
    0,
  );

const edit = (all: readonly Gateway[], configured: readonly ConfiguredAs[]): readonly Gateway[] =>
  all.flatMap((gateway, i) => {
    const { vaultUrl, secretName } = gateway.secret;
    switch (configured[i]) {
      case "removed":
        return [];
      case "otherSecret":
        return [{ ...gateway, secret: { vaultUrl, secretName: `${secretName}-moved` } }];
      case "otherVault":
        return [{ ...gateway, secret: { vaultUrl: otherVault, secretName } }];
      default:
        return [gateway];
    }
  });

function runnerOf(id: string, planned: PlannedProcess, all: readonly Gateway[]): RunnerDefinition {
  const { startsAfterMs, clockMs } = planned;
  const begun = (definition: RunnerDefinition): RunnerDefinition => ({
    ...startingAfter(startsAfterMs, definition),
    clockOffsetMs: clockMs,
  });
  switch (planned.kind) {
    case "run":
      return begun(slowRun(id, edit(all, planned.configured), { mode: planned.mode }, planned.concurrency));
    case "tick":
      return begun(slowTick(id));
    case "outsideWrite":
      return begun(outsideWriter(id, all[planned.gateway % all.length] ?? gateway()));
    case "journalDeletion":
      return begun(journalDeleter(id, all[planned.gateway % all.length] ?? gateway()));
  }
}

const outsideWriter = (id: string, { secret }: Gateway): RunnerDefinition => ({
  id,
  run: ({ secrets }) =>
    secrets.write(secret, { key: redact("written outside"), contentType: "text/plain", tags: {} }),
});

const settledWorlds = new Map<string, Promise<World>>();

/** Nothing changes a world, so all schedules with the same start share one. */
function settledWorld(gateways: readonly Gateway[], rotated: boolean): Promise<World> {
  const key = `${gateways.length} ${rotated}`;
  const world = settledWorlds.get(key) ?? rotatedWorld(gateways, rotated ? 1 : 0);
  settledWorlds.set(key, world);
  return world.then((known) => ({
    ...known,
    now: known.now + 999,
    vaults: { [otherVault]: {}, ...known.vaults },
  }));
}
