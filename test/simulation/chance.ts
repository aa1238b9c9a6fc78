import fc from "fast-check";
import { redact } from "../../src/domain/redacted.ts";
import type { Run } from "../../src/domain/run.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import type { FateName } from "./choice.ts";
import { after, losingJournal, tick, unhurriedRun } from "./configurations.ts";
import { functionTimeoutMs, graceMs, lastEffectMs, simulating, worldOf } from "./engine.ts";
import type { ExploreTerms } from "./explore.ts";
import type { PromiseTerms } from "./proofPromises.ts";
import type { RunnerDefinition } from "./runner.ts";
import type { World } from "./world.ts";

/**
 * Many gateways, runs, ticks of resume and people at once, on processes whose clocks are wrong, with a
 * configuration that is edited between one run and the next. Plain data, so that a failure can be shrunk and told.
 */
export interface Setting {
  readonly gateways: number;
  /** Whether they were rotated before. */
  readonly rotated: boolean;
  readonly processes: readonly PlannedProcess[];
  /** Whether processes' clocks are set while they work. */
  readonly clocksJump: boolean;
}

type PlannedProcess = {
  /** When it begins, in milliseconds after the simulation does. */
  readonly startsAfterMs: number;
  /** Its own clock less everybody else's. */
  readonly clockMs: number;
} & (
  | {
      readonly kind: "run";
      readonly mode: Run["mode"];
      /** What the configuration says then of each gateway. */
      readonly configured: readonly Configured[];
      /** Gateways at the same time. */
      readonly concurrency: number;
    }
  | { readonly kind: "tick" }
  /** A person writes a version of this gateway's secret, or deletes its journal. */
  | { readonly kind: "hand" | "journalLost"; readonly gateway: number }
);

type Configured = "asBefore" | "otherSecret" | "otherVault" | "removed";

const three: readonly Gateway[] = [
  gateway(),
  runtime(),
  gateway(undefined, {
    name: "another",
    target: anotherTarget("another"),
    secret: { ...gateway().secret, secretName: "adf-another-key" },
  }),
];
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
const edited = fc.oneof(
  { weight: 4, arbitrary: asBefore },
  {
    weight: 1,
    arbitrary: fc.constantFrom("otherSecret" as const, "otherVault" as const, "removed" as const),
  },
);
const runs = (configured: fc.Arbitrary<Configured>) =>
  fc.record({
    ...times,
    kind: fc.constant("run" as const),
    mode: fc.constantFrom("standard" as const, "standard" as const, "compromised" as const),
    configured: fc.array(configured, { minLength: three.length, maxLength: three.length }),
    concurrency: fc.integer({ min: 1, max: three.length }),
  });
const ticks = fc.record({ ...times, kind: fc.constant("tick" as const) });
const hands = fc.record({
  ...times,
  kind: fc.constantFrom("hand" as const, "journalLost" as const),
  gateway: fc.nat({ max: three.length - 1 }),
});

/** In half of them nobody but the runs has a hand in it: more is promised then. */
export const settings: fc.Arbitrary<Setting> = fc.record({
  gateways: fc.integer({ min: 1, max: three.length }),
  rotated: fc.boolean(),
  processes: fc.oneof(
    fc.array(fc.oneof(runs(asBefore), ticks), { minLength: 2, maxLength: 7, size: "max" }),
    fc.array(fc.oneof(runs(edited), ticks, hands), { minLength: 2, maxLength: 7, size: "max" }),
  ),
  clocksJump: fc.boolean(),
});

const fates: readonly FateName[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "twice" },
  { kind: "late" },
  { kind: "diesBefore" },
  { kind: "diesAfter" },
];

const jumpMs = 5 * minuteMs;
const mostJumps = 2;

export interface Chance {
  readonly terms: Omit<ExploreTerms, "oracle">;
  readonly promises: PromiseTerms;
}

export async function chanceOf({ gateways, rotated, processes, clocksJump }: Setting): Promise<Chance> {
  const all = three.slice(0, gateways);
  const before = await settledWorld(all, rotated);
  const runners = processes.map((planned, i) => runnerOf(`${planned.kind} ${i + 1}`, planned, all));
  const lastRun = processes
    .filter((planned) => planned.kind === "run")
    .toSorted((a, b) => a.startsAfterMs - b.startsAfterMs)
    .at(-1);
  return {
    terms: {
      ...simulating(before, ...runners),
      // A process whose clock is set back meanwhile stamps its attempts as if it had begun sooner.
      lifetimeMs: functionTimeoutMs + graceMs - (clocksJump ? mostJumps * jumpMs : 0),
      fates,
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
      hands: processes.some(({ kind }) => kind === "hand"),
      journalsLost: processes.some(({ kind }) => kind === "journalLost"),
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

/** Of each gateway: one by each run, and by one that replaces leaked keys one for each slot. */
const keysAskedFor = (processes: readonly PlannedProcess[]): number =>
  processes.reduce(
    (sum, planned) => sum + (planned.kind !== "run" ? 0 : planned.mode === "compromised" ? 2 : 1),
    0,
  );

const edit = (all: readonly Gateway[], configured: readonly Configured[]): readonly Gateway[] =>
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
    ...after(startsAfterMs, definition),
    clockOffsetMs: clockMs,
  });
  switch (planned.kind) {
    case "run":
      return begun(
        unhurriedRun(id, edit(all, planned.configured), { mode: planned.mode }, planned.concurrency),
      );
    case "tick":
      return begun(tick(id));
    case "hand":
      return begun(hand(id, all[planned.gateway % all.length]));
    case "journalLost":
      return begun(losingJournal(id, all[planned.gateway % all.length] ?? gateway()));
  }
}

const hand = (id: string, gateway: Gateway | undefined): RunnerDefinition => ({
  id,
  async run({ secrets }) {
    if (gateway === undefined) return;
    await secrets.write(gateway.secret, { key: redact("by hand"), contentType: "text/plain", tags: {} });
  },
});

const settled = new Map<string, Promise<World>>();

/** Worlds are never changed: one for all schedules that begin with it. */
function settledWorld(gateways: readonly Gateway[], rotated: boolean): Promise<World> {
  const key = `${gateways.length} ${rotated}`;
  const world = settled.get(key) ?? worldOf(gateways, rotated ? 1 : 0);
  settled.set(key, world);
  return world.then((known) => ({
    ...known,
    now: known.now + 999,
    vaults: { [otherVault]: {}, ...known.vaults },
  }));
}
