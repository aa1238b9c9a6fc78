import type { Run } from "../../src/domain/events.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import type { FateName } from "./choice.ts";
import { type Alter, resuming, running, simulating, worldOf } from "./engine.ts";
import type { Bounds } from "./explore.ts";
import { writeByHand } from "./hands.ts";
import type { PromiseTerms } from "./proofPromises.ts";
import { mulberry32 } from "./random.ts";
import type { RunnerDefinition } from "./runner.ts";
import type { SimulationTerms } from "./scheduler.ts";

/** What is explored: by tests a slice of it, by the proof all of it. */
export interface Configuration {
  readonly name: string;
  readonly runners: "one" | "several";
  readonly fates: readonly FateName[];
  readonly bounds: Bounds;
  /** The world and its runners, anew. */
  make(): Promise<{ readonly simulation: SimulationTerms; readonly promises: PromiseTerms }>;
}

const losses: readonly FateName[] = [{ kind: "lostBefore" }, { kind: "lostAfter" }, { kind: "late" }];
const deaths: readonly FateName[] = [{ kind: "diesBefore" }, { kind: "diesAfter" }];
const refusals: readonly FateName[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
];

const minuteMs = 60_000;

/** A process that is started later: its clock's sleep is a timer of the simulation. */
const after = (ms: number, { id, run }: RunnerDefinition): RunnerDefinition => ({
  id,
  async run(services) {
    await services.clock.sleep(ms);
    return run(services);
  },
});

type Shape = Omit<Configuration, "fates" | "bounds" | "make" | "runners"> &
  Partial<Pick<PromiseTerms, "mode" | "rotations" | "hands">> & {
    readonly of: Gateway;
    readonly rotated?: number;
    readonly byHand?: boolean;
    /** Whether services refuse, too, where there are several processes. */
    readonly refusing?: boolean;
    readonly processes: readonly RunnerDefinition[];
  };

function configuration({
  name,
  of,
  rotated = 1,
  byHand = false,
  refusing = false,
  processes,
  ...promised
}: Shape): Configuration {
  const alone = processes.length === 1;
  return {
    name: `${of.target.kind === "gateway" ? "one key" : "two keys"}, ${name}`,
    runners: alone ? "one" : "several",
    fates: alone || refusing ? [...refusals, ...losses, ...deaths] : [...losses, ...deaths],
    bounds: alone
      ? { refusal: 2, loss: 2, crash: 1, freeze: 1 }
      : { refusal: 1, loss: 1, crash: 1, freeze: 1 },
    async make() {
      const world = await worldOf([of], rotated);
      const before = byHand ? writeByHand(world, of.secret, { value: "by hand", tags: {} }) : world;
      const rotations = promised.rotations ?? { least: 1, most: 1 };
      const { mode = "standard", hands = byHand } = promised;
      return {
        simulation: simulating(before, ...processes),
        promises: { before, gateways: [of], mode, rotations, alone, hands },
      };
    },
  };
}

const both = [gateway(), runtime()];
const monthly = { rotateEveryDays: 30 };

const single = both.flatMap((of) => [
  ...(["standard", "compromised"] as const).flatMap((mode) =>
    [0, 1].map((rotated) =>
      configuration({
        name: `one ${mode} run, rotated ${rotated} times before`,
        of,
        rotated,
        mode,
        processes: [running("a", [of], { mode })],
      }),
    ),
  ),
]);

const afterHands = [gateway(undefined, monthly), runtime(undefined, monthly)].map((of) =>
  configuration({
    name: "one monthly run after a version by hand",
    of,
    byHand: true,
    processes: [running("a", [of])],
  }),
);

/** The same target as people may spell it in another entry. */
const respelled = (of: Gateway): Gateway => ({
  ...of,
  target: { ...of.target, resourceId: of.target.resourceId.toUpperCase() },
});

const atMostTwo = { rotations: { least: 1, most: 2 } };

/**
 * Looking at a journal takes a second. The simulated clock would else stand still, and within one second of
 * storage's clock nobody can tell what was first.
 */
const unhurried: Alter = (services) => ({
  ...services,
  blobs: {
    ...services.blobs,
    async read(name) {
      if (name.startsWith("gateways/")) await services.clock.sleep(1000);
      return services.blobs.read(name);
    },
  },
});

const run = (id: string, gateways: readonly Gateway[], terms: Partial<Run> = {}) =>
  running(id, gateways, terms, unhurried);
const tick = (id: string) => resuming(id, unhurried);

const several = both.flatMap((of) => [
  configuration({
    name: "a run, and a tick of resume 3 minutes after it",
    of,
    processes: [run("a", [of]), after(3 * minuteMs, tick("b"))],
  }),
  configuration({
    name: "a run, and the tick of resume that checks it 40 minutes after",
    of,
    refusing: true,
    processes: [run("a", [of]), after(40 * minuteMs, tick("b"))],
  }),
  configuration({
    name: "a run, and ticks of resume 3 and 8 minutes after it",
    of,
    processes: [run("a", [of]), after(3 * minuteMs, tick("b")), after(8 * minuteMs, tick("c"))],
  }),
  configuration({
    name: "a run, a tick of resume after 3 minutes, another run after 6",
    of,
    ...atMostTwo,
    processes: [run("a", [of]), after(3 * minuteMs, tick("b")), after(6 * minuteMs, run("c", [of]))],
  }),
  configuration({
    name: "two runs at once, which spell the target differently",
    of,
    ...atMostTwo,
    processes: [run("a", [of]), run("b", [respelled(of)])],
  }),
  configuration({
    name: "two compromised runs at once",
    of,
    ...atMostTwo,
    mode: "compromised",
    processes: ["a", "b"].map((id) => run(id, [of], { mode: "compromised" })),
  }),
]);

/** In the order of their cost. */
export const configurations: readonly Configuration[] = [...single, ...afterHands, ...several];

/** Many gateways, runs, ticks and people at once, as the seed decides. */
export function randomConfiguration(seed: number): Configuration {
  const random = mulberry32(seed ^ 0x5eed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const other = gateway(undefined, {
    name: "another",
    target: anotherTarget("another"),
    secret: { ...gateway().secret, secretName: "adf-another-key" },
  });
  const gateways = [gateway(), runtime(), other].slice(0, 1 + below(3)).toReversed();
  const hands = random() < 0.2;
  const processes = [
    run("a", gateways),
    after(below(10) * minuteMs, run("b", gateways)),
    after((2 + below(20)) * minuteMs, tick("c")),
    after((5 + below(60)) * minuteMs, tick("d")),
    ...(hands ? [after(below(5) * minuteMs, hand("hand", gateways))] : []),
  ];
  const rotated = below(2);
  return {
    name: `random ${seed}`,
    runners: "several",
    fates: [...refusals, ...losses, ...deaths],
    bounds: { refusal: 3, loss: 3, crash: 2, freeze: 1, wait: 3 },
    async make() {
      const before = await settledWorld(gateways, rotated);
      return {
        simulation: simulating(before, ...processes),
        promises: {
          before,
          gateways,
          mode: "standard",
          rotations: { least: 1, most: 2 },
          alone: false,
          hands,
        },
      };
    },
  };
}

const settled = new Map<string, ReturnType<typeof worldOf>>();

/** Worlds are never changed: one for all schedules that begin with it. */
function settledWorld(gateways: readonly Gateway[], rotated: number): ReturnType<typeof worldOf> {
  const key = `${gateways.map(({ name }) => name).join()} ${rotated}`;
  const world = settled.get(key) ?? worldOf(gateways, rotated);
  settled.set(key, world);
  return world;
}

/** Somebody who writes a version of every secret. */
const hand = (id: string, gateways: readonly Gateway[]): RunnerDefinition => ({
  id,
  async run({ secrets }) {
    for (const { secret } of gateways) {
      await secrets.write(secret, { key: redact("by hand"), contentType: "text/plain", tags: {} });
    }
  },
});
