import type { Run } from "../../src/domain/run.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { journalName } from "../../src/journal/journal.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import type { FateName } from "./choice.ts";
import { type Alter, lastEffectMs, resuming, running, simulating, worldOf } from "./engine.ts";
import type { Bounds } from "./explore.ts";
import { writeByHand } from "./hands.ts";
import { asConfigured, type PromiseTerms } from "./proofPromises.ts";
import type { RunnerDefinition } from "./runner.ts";
import type { SimulationTerms } from "./scheduler.ts";
import type { World } from "./world.ts";

/** What is explored: by tests a slice of it, by the proof all of it. */
export interface Configuration {
  readonly name: string;
  readonly runners: "one" | "several";
  readonly fates: readonly FateName[];
  readonly bounds: Bounds;
  /** Whether there are few enough orders of its calls to try every one. */
  readonly everyOrder: boolean;
  /** The world and its runners, anew. */
  make(): Promise<{ readonly simulation: SimulationTerms; readonly promises: PromiseTerms }>;
}

const losses: readonly FateName[] = [
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "twice" },
  { kind: "late" },
];
const deaths: readonly FateName[] = [{ kind: "diesBefore" }, { kind: "diesAfter" }];
const refusals: readonly FateName[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
];
const longRefusal: FateName = { kind: "refused", code: "throttled-for-long" };

const minuteMs = 60_000;

/** An invocation that begins later. */
export const after = (startsAfterMs: number, definition: RunnerDefinition): RunnerDefinition => ({
  ...definition,
  startsAfterMs,
});

/** Somebody deletes a gateway's journal. */
export const losingJournal = (id: string, of: Gateway): RunnerDefinition => ({
  id,
  run: ({ blobs }) => blobs.remove(journalName(of)),
});

type Shape = Pick<Configuration, "name"> & {
  readonly of: Gateway;
  readonly mode?: Run["mode"];
  /** How many rotations are made at most where nothing goes wrong. */
  readonly mostRotations?: number;
  readonly rotated?: number;
  readonly byHand?: boolean;
  /** Whether journals are lost: one before the start, or more by a process. */
  readonly journalsLost?: boolean;
  /** Another gateway that is rotated in the same runs. */
  readonly beside?: Gateway;
  /** What the gateway is given by an edit of the configuration meanwhile. */
  readonly moved?: Gateway;
  readonly everyOrder?: boolean;
  /** Whether services refuse, too, where there are several processes. */
  readonly refusing?: boolean;
  readonly processes: readonly RunnerDefinition[];
};

function configuration({
  name,
  of,
  rotated = 1,
  byHand = false,
  journalsLost = false,
  beside,
  moved,
  refusing = false,
  everyOrder = false,
  mode = "standard",
  mostRotations = 1,
  processes,
}: Shape): Configuration {
  const alone = processes.length === 1;
  return {
    name: `${of.target.kind === "gatewayV1" ? "one key" : "two keys"}, ${name}`,
    everyOrder,
    runners: alone ? "one" : "several",
    fates: [...(alone ? [longRefusal] : []), ...(alone || refusing ? refusals : []), ...losses, ...deaths],
    bounds: alone
      ? { refusal: 2, loss: 2, crash: 1, freeze: 1, slow: 2 }
      : { refusal: 1, loss: 1, crash: 1, freeze: 1, slow: 1 },
    async make() {
      const gateways = beside === undefined ? [of] : [of, beside];
      const world = atSecondsEnd(await worldOf(gateways, rotated));
      const before = byHand ? writeByHand(world, of.secret, { value: "by hand", tags: {} }) : world;
      const slots = mode === "compromised" && of.target.kind === "integrationRuntime" ? 2 : 1;
      const keys = { least: slots, most: mostRotations * slots };
      return {
        simulation: simulating(before, ...processes),
        promises: {
          ...asConfigured(gateways),
          configured: moved === undefined ? gateways : [moved],
          edited: moved !== undefined,
          journalsLost,
          before,
          keys,
          alone,
          hands: byHand,
        },
      };
    },
  };
}

/** There storage's clock, which has whole seconds, is wrong by most. */
const atSecondsEnd = (world: World): World => ({ ...world, now: world.now + 999 });

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

export const unhurriedRun = (
  id: string,
  gateways: readonly Gateway[],
  terms: Partial<Run> = {},
  concurrency = 1,
) => running(id, gateways, terms, unhurried, concurrency);
export const tick = (id: string) => resuming(id, unhurried);

const afterLosses = both.flatMap((of) => [
  configuration({
    name: "a run whose journal is deleted meanwhile",
    of,
    journalsLost: true,
    processes: [running("a", [of]), losingJournal("operator", of)],
  }),
  configuration({
    name: "a run, and a tick of resume 3 minutes after it, whose journal is deleted meanwhile",
    of,
    journalsLost: true,
    processes: [running("a", [of]), losingJournal("operator", of), after(3 * minuteMs, tick("b"))],
  }),
]);

/** In the same vault. */
const neighbour = gateway(undefined, {
  name: "another",
  target: anotherTarget("another"),
  secret: { ...gateway().secret, secretName: "adf-another-key" },
});

const together = both.map((of) =>
  configuration({
    name: "a run of two gateways at the same time, and a tick of resume 3 minutes after it",
    of,
    beside: neighbour,
    refusing: true,
    processes: [running("a", [of, neighbour], {}, undefined, 2), after(3 * minuteMs, tick("b"))],
  }),
);

/** Into another secret, which is named after the first one. */
const moving = (of: Gateway): Gateway => ({
  ...of,
  secret: { ...of.secret, secretName: `${of.secret.secretName}-moved` },
});

const edited = both.flatMap((of) => [
  configuration({
    name: "a run, one into another secret 3 minutes later, a tick of resume after 8",
    of,
    moved: moving(of),
    processes: [
      unhurriedRun("a", [of]),
      after(3 * minuteMs, unhurriedRun("b", [moving(of)])),
      after(8 * minuteMs, tick("c")),
    ],
  }),
  configuration({
    name: "a run, and one into another secret 3 minutes later, which may be refused",
    of,
    moved: moving(of),
    refusing: true,
    processes: [unhurriedRun("a", [of]), after(3 * minuteMs, unhurriedRun("b", [moving(of)]))],
  }),
]);

const several = both.flatMap((of) => [
  configuration({
    everyOrder: true,
    name: "a run, and a tick of resume 3 minutes after it",
    of,
    refusing: true,
    processes: [unhurriedRun("a", [of]), after(3 * minuteMs, tick("b"))],
  }),
  configuration({
    everyOrder: true,
    name: "a run, and a tick of resume at the last moment at which its attempt may take effect",
    of,
    processes: [running("a", [of]), after(lastEffectMs, resuming("b"))],
  }),
  configuration({
    name: "a run, and ticks of resume when its attempt can take effect no more and 4 minutes later",
    of,
    processes: [
      running("a", [of]),
      after(lastEffectMs + 2000, resuming("b")),
      after(lastEffectMs + 2000 + 4 * minuteMs, resuming("c")),
    ],
  }),
  configuration({
    everyOrder: true,
    name: "a run, and the tick of resume that checks it 40 minutes after",
    of,
    refusing: true,
    processes: [unhurriedRun("a", [of]), after(40 * minuteMs, tick("b"))],
  }),
  configuration({
    everyOrder: true,
    name: "a run, and ticks of resume 3 and 8 minutes after it",
    of,
    processes: [unhurriedRun("a", [of]), after(3 * minuteMs, tick("b")), after(8 * minuteMs, tick("c"))],
  }),
  configuration({
    everyOrder: true,
    name: "a run, a tick of resume after 3 minutes, another run after 6",
    of,
    mostRotations: 2,
    processes: [
      unhurriedRun("a", [of]),
      after(3 * minuteMs, tick("b")),
      after(6 * minuteMs, unhurriedRun("c", [of])),
    ],
  }),
  configuration({
    name: "two requests with one Idempotency-Key at once",
    of,
    processes: [unhurriedRun("a", [of], { id: "a" }), unhurriedRun("b", [of], { id: "a" })],
  }),
  configuration({
    name: "two runs at once, which spell the target differently",
    of,
    mostRotations: 2,
    processes: [unhurriedRun("a", [of]), unhurriedRun("b", [respelled(of)])],
  }),
  configuration({
    name: "two runs at once, by clocks that are ten minutes slow and fast",
    of,
    mostRotations: 2,
    processes: [
      { ...unhurriedRun("a", [of]), clockOffsetMs: -10 * minuteMs },
      { ...unhurriedRun("b", [of]), clockOffsetMs: 10 * minuteMs },
    ],
  }),
  configuration({
    name: "two compromised runs at once",
    of,
    mostRotations: 2,
    mode: "compromised",
    processes: ["a", "b"].map((id) => unhurriedRun(id, [of], { mode: "compromised" })),
  }),
]);

/** In the order of their cost. */
export const configurations: readonly Configuration[] = [
  ...single,
  ...afterHands,
  ...afterLosses,
  ...edited,
  ...together,
  ...several,
];
