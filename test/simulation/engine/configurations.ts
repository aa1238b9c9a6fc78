import type { Gateway, Run } from "../../../src/domain/target.ts";
import { journalName } from "../../../src/journal/journal.ts";
import { runName } from "../../../src/runs/document.ts";
import { gateway, namedGateway, runtime } from "../../support/gateways.ts";
import type { FaultBounds } from "../explorers/exploreAll.ts";
import { longWaitMs } from "../models/delivery.ts";
import { softDelete, writeOutside } from "../models/outsideChanges.ts";
import { liveKeys, type World } from "../models/world.ts";
import { asConfigured } from "../promises/createPromises.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import type { CallFault } from "../scheduler/scheduleStep.ts";
import {
  type Alter,
  engineSimulation,
  lastEffectMs,
  resumeRunner,
  rotatedWorld,
  rotationRunner,
} from "./engineRunners.ts";
import type { RunnerPair } from "./runnerPairs.ts";

/** A situation to explore: a world, the runners in it, and the faults that are tried. */
export interface Configuration extends Pick<RunnerPair, "name" | "make"> {
  readonly callFaults: readonly CallFault[];
  readonly bounds: FaultBounds;
  /** Whether its calls have few enough orders to try all of them. */
  readonly everyOrder: boolean;
}

const losses: readonly CallFault[] = [
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "twice" },
  { kind: "late" },
];
const deaths: readonly CallFault[] = [{ kind: "diesBefore" }, { kind: "diesAfter" }];
/** One that passes by itself, and one that is final: resume tries a refusal by role again, which could hide a defect. */
const refusals: readonly CallFault[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "bad-request" },
];
const longRefusal: CallFault = { kind: "refused", code: "throttled-for-long" };

const minuteMs = 60_000;
/** How long a vault takes to delete a secret. */
const deletionMs = 12_000;

/** The same runner, whose invocation begins later. */
export const startingAfter = (startsAfterMs: number, definition: RunnerDefinition): RunnerDefinition => ({
  ...definition,
  startsAfterMs,
});

/** Deletes a gateway's journal, outside this system. */
export const journalDeleter = (id: string, of: Gateway): RunnerDefinition => ({
  id,
  run: ({ blobs }) => blobs.remove(journalName(of)),
});

/** An operator who deletes a run's document, as the runbook says of one that cannot be understood. */
const documentDeleter = (id: string, run: string): RunnerDefinition => ({
  id,
  run: ({ blobs }) => blobs.remove(runName(run)),
});

type ConfigurationTerms = Pick<Configuration, "name"> & {
  readonly of: Gateway;
  readonly mode?: Run["mode"];
  /** How many rotations there are at most without a fault. Default: 1. */
  readonly mostRotations?: number;
  /** How long after that the first process begins, in milliseconds, beside a day. Default: 0. */
  readonly laterMs?: number;
  /** How often the gateway was rotated before. Default: 1. */
  readonly rotated?: number;
  /** What was written outside this system into the latest version: no key, or the key of the slot that was not published. */
  readonly outsideVersion?: "no key" | "the other key";
  /** Whether the vault is deleting the secret when the first process begins. */
  readonly secretDeleted?: boolean;
  /** Whether a process deletes the journal. */
  readonly journalsDeleted?: boolean;
  /** Another gateway that the same runs rotate. */
  readonly beside?: Gateway;
  /** The gateway after an edit of the configuration. */
  readonly moved?: Gateway;
  readonly everyOrder?: boolean;
  /** Whether services refuse calls although there are several processes. */
  readonly refusing?: boolean;
  /** The same, with a `Retry-After` of five minutes. */
  readonly refusingForLong?: boolean;
  /** Default: one run. */
  readonly processes?: readonly RunnerDefinition[];
};

function configuration({
  name,
  of,
  rotated = 1,
  laterMs = 0,
  outsideVersion,
  secretDeleted = false,
  journalsDeleted = false,
  beside,
  moved,
  refusing = false,
  refusingForLong = false,
  everyOrder = false,
  mode = "standard",
  mostRotations = 1,
  processes = [rotationRunner("a", [of], { mode })],
}: ConfigurationTerms): Configuration {
  const alone = processes.length === 1;
  return {
    name: `${of.target.kind === "gatewayV1" ? "one key" : "two keys"}, ${name}`,
    everyOrder,
    callFaults: [
      ...(alone || refusingForLong ? [longRefusal] : []),
      ...(alone || refusing ? refusals : []),
      ...losses,
      ...deaths,
    ],
    bounds: alone
      ? { refusal: 2, loss: 2, crash: 1, freeze: 1, slow: 2 }
      : { refusal: 1, loss: 1, crash: 1, freeze: 1, slow: 1 },
    async make() {
      const gateways = beside === undefined ? [of] : [of, beside];
      const world = atSecondsEnd(await rotatedWorld(gateways, rotated), laterMs);
      const value =
        outsideVersion === "the other key"
          ? (liveKeys(world, of.target)["authKey1"] ?? "")
          : "written outside";
      const written =
        outsideVersion === undefined ? world : writeOutside(world, of.secret, { value, tags: {} });
      const before = secretDeleted ? softDelete(written, of.secret, deletionMs) : written;
      const slots = mode === "compromised" && of.target.kind === "integrationRuntime" ? 2 : 1;
      const keys = secretDeleted ? { least: 0, most: 0 } : { least: slots, most: mostRotations * slots };
      return {
        simulation: engineSimulation(before, ...processes),
        promises: {
          ...asConfigured(gateways),
          configured: moved === undefined ? gateways : [moved],
          edited: moved !== undefined,
          journalsDeleted,
          before,
          keys,
          alone,
          outsideWrites: outsideVersion === "no key",
        },
      };
    },
  };
}

/** Storage's clock has whole seconds, so at the end of a second it differs most from the services' time. */
const atSecondsEnd = (world: World, laterMs: number): World => ({ ...world, now: world.now + laterMs + 999 });

const both = [gateway(), runtime()];
const monthly = { rotateEveryDays: 30 };

const oneRun = both.flatMap((of) =>
  (["standard", "compromised"] as const).flatMap((mode) =>
    [0, 1].map((rotated) => {
      const name = `one ${mode} run, ${rotated === 0 ? "never rotated" : "rotated once"} before`;
      return configuration({ name, of, rotated, mode });
    }),
  ),
);

const afterOutsideVersion = [gateway(undefined, monthly), runtime(undefined, monthly)].map((of) =>
  configuration({
    name: "one monthly run after a version written outside this system",
    of,
    outsideVersion: "no key",
  }),
);

const afterOutsideKey = configuration({
  name: "one monthly run after its other key was written by hand",
  of: runtime(undefined, monthly),
  outsideVersion: "the other key",
});

const whileDeleted = both.map((of) =>
  configuration({
    name: "one run while the vault deletes the secret",
    of,
    secretDeleted: true,
  }),
);

/** Open until two minutes after the process begins, at 04:00 UTC, and when the gateway was rotated before. */
const window = { from: "02:30", to: "04:02" };
const whileWindowCloses = [gateway(undefined, { window }), runtime(undefined, { window })].map((of) =>
  configuration({
    name: "one run shortly before its window closes",
    of,
  }),
);

/** The same gateway, spelled as another entry may spell it. */
const respelled = (of: Gateway): Gateway => ({
  ...of,
  target: { ...of.target, resourceId: of.target.resourceId.toUpperCase() },
});

/**
 * Reading a journal takes a second. Otherwise the simulated clock would not advance, and within one second of storage's
 * clock no runner knows what was first.
 */
const withSlowJournalReads: Alter = (services) => ({
  ...services,
  blobs: {
    ...services.blobs,
    async read(name) {
      if (name.startsWith("gateways/")) await services.clock.sleep(1000);
      return services.blobs.read(name);
    },
  },
});

/** A run whose journal reads take a second. */
export const slowRun = (
  id: string,
  gateways: readonly Gateway[],
  terms: Partial<Run> = {},
  concurrency = 1,
) => rotationRunner(id, gateways, terms, withSlowJournalReads, concurrency);
/** A tick of resume whose journal reads take a second. */
export const slowTick = (id: string) => resumeRunner(id, withSlowJournalReads);

/** Then the published key of a two-key gateway that is not due is compared with the service's keys. */
const weekMs = 7 * 24 * 60 * minuteMs;

const whileCompared = configuration({
  name: "a tick that compares its published key, and a requested run at once",
  of: runtime(undefined, monthly),
  laterMs: weekMs,
  processes: [
    slowRun("a", [runtime(undefined, monthly)]),
    slowRun("b", [runtime(undefined, monthly)], { trigger: "http" }),
  ],
});

const withDeletedJournals = both.flatMap((of) => [
  configuration({
    name: "a run, and its journal is deleted meanwhile",
    of,
    journalsDeleted: true,
    processes: [rotationRunner("a", [of]), journalDeleter("operator", of)],
  }),
  configuration({
    name: "a run, and a tick of resume 3 minutes later, and the journal is deleted meanwhile",
    of,
    journalsDeleted: true,
    processes: [
      rotationRunner("a", [of]),
      journalDeleter("operator", of),
      startingAfter(3 * minuteMs, slowTick("b")),
    ],
  }),
]);

const withDeletedDocuments = both.map((of) =>
  configuration({
    name: "a run, and its document is deleted meanwhile",
    of,
    processes: [rotationRunner("a", [of]), documentDeleter("operator", "a")],
  }),
);

/** A second gateway with a secret in the same vault. */
const neighbour = namedGateway("another");

const twoGateways = both.map((of) =>
  configuration({
    name: "a run of two gateways at the same time, and a tick of resume 3 minutes later",
    of,
    beside: neighbour,
    refusing: true,
    processes: [
      rotationRunner("a", [of, neighbour], {}, undefined, 2),
      startingAfter(3 * minuteMs, slowTick("b")),
    ],
  }),
);

/** The gateway with another secret. Its name begins with the name of the first. */
const moving = (of: Gateway): Gateway => ({
  ...of,
  secret: { ...of.secret, secretName: `${of.secret.secretName}-moved` },
});

const edited = both.flatMap((of) => [
  configuration({
    name: "a run at minute 0, a run into another secret at minute 3, a tick of resume at minute 8",
    of,
    moved: moving(of),
    processes: [
      slowRun("a", [of]),
      startingAfter(3 * minuteMs, slowRun("b", [moving(of)])),
      startingAfter(8 * minuteMs, slowTick("c")),
    ],
  }),
  configuration({
    name: "a run, and a run into another secret 3 minutes later, with refused calls",
    of,
    moved: moving(of),
    refusing: true,
    processes: [slowRun("a", [of]), startingAfter(3 * minuteMs, slowRun("b", [moving(of)]))],
  }),
]);

/** The vault refuses every write when so much time has passed since the invocation began. */
const withClosingVault =
  (afterMs: number): Alter =>
  (services) => {
    const closesAt = services.clock.now() + afterMs;
    const problem = { code: "forbidden" as const, message: "The vault takes no write.", transient: false };
    return {
      ...services,
      secrets: {
        ...services.secrets,
        async write(address, version) {
          if (services.clock.now() < closesAt) return services.secrets.write(address, version);
          return { kind: "refused", problem };
        },
      },
    };
  };

/** Resource Manager refuses every regenerate of this invocation but the first, for good. */
const withOneRegenerate: Alter = (services) => {
  const problem = { code: "bad-request" as const, message: "Resource Manager refuses.", transient: false };
  let requests = 0;
  return {
    ...services,
    keys: {
      ...services.keys,
      async regenerate(target, slot, clientRequestId) {
        if (requests++ === 0) return services.keys.regenerate(target, slot, clientRequestId);
        return { kind: "unchanged", problem, trace: { clientRequestId } };
      },
    },
  };
};

const refusedForGood = configuration({
  name: "one run that Resource Manager refuses for good after its first attempt",
  of: gateway(),
  processes: [rotationRunner("a", [gateway()], {}, withOneRegenerate)],
});

const several = both.flatMap((of) => [
  configuration({
    everyOrder: true,
    name: "a run, and a tick of resume 3 minutes later",
    of,
    refusing: true,
    processes: [slowRun("a", [of]), startingAfter(3 * minuteMs, slowTick("b"))],
  }),
  configuration({
    everyOrder: true,
    name: "a run, and a tick of resume at the last moment at which its attempt may take effect",
    of,
    processes: [rotationRunner("a", [of]), startingAfter(lastEffectMs, resumeRunner("b"))],
  }),
  configuration({
    name: "a run, a tick of resume when its attempt can no longer take effect, and another 4 minutes later",
    of,
    processes: [
      rotationRunner("a", [of]),
      startingAfter(lastEffectMs + 2000, resumeRunner("b")),
      startingAfter(lastEffectMs + 2000 + 4 * minuteMs, resumeRunner("c")),
    ],
  }),
  configuration({
    everyOrder: true,
    name: "a run, and the tick of resume that verifies it 40 minutes later",
    of,
    refusing: true,
    processes: [slowRun("a", [of]), startingAfter(40 * minuteMs, slowTick("b"))],
  }),
  configuration({
    everyOrder: true,
    name: "a run at minute 0, ticks of resume at minutes 3 and 8",
    of,
    processes: [
      slowRun("a", [of]),
      startingAfter(3 * minuteMs, slowTick("b")),
      startingAfter(8 * minuteMs, slowTick("c")),
    ],
  }),
  configuration({
    everyOrder: true,
    name: "a run at minute 0, a tick of resume at minute 3, another run at minute 6",
    of,
    mostRotations: 2,
    processes: [
      slowRun("a", [of]),
      startingAfter(3 * minuteMs, slowTick("b")),
      startingAfter(6 * minuteMs, slowRun("c", [of])),
    ],
  }),
  configuration({
    name: "a run that is refused for five minutes, a tick of resume meanwhile, and a vault that then refuses",
    of,
    refusing: true,
    refusingForLong: true,
    processes: [
      rotationRunner("a", [of], {}, withClosingVault(longWaitMs - 10_000)),
      startingAfter(longWaitMs - 15_000, resumeRunner("b", withClosingVault(5_000))),
    ],
  }),
  configuration({
    name: "two requests with one Idempotency-Key at once",
    of,
    processes: [slowRun("a", [of], { id: "a" }), slowRun("b", [of], { id: "a" })],
  }),
  configuration({
    name: "two runs at once that spell the gateway differently",
    of,
    mostRotations: 2,
    processes: [slowRun("a", [of]), slowRun("b", [respelled(of)])],
  }),
  configuration({
    name: "two runs at once, with clocks that are ten minutes slow and fast",
    of,
    mostRotations: 2,
    processes: [
      { ...slowRun("a", [of]), clockOffsetMs: -10 * minuteMs },
      { ...slowRun("b", [of]), clockOffsetMs: 10 * minuteMs },
    ],
  }),
  configuration({
    name: "two compromised runs at once",
    of,
    mostRotations: 2,
    mode: "compromised",
    processes: ["a", "b"].map((id) => slowRun(id, [of], { mode: "compromised" })),
  }),
]);

const requested = (id: string, afterMs: number) =>
  startingAfter(afterMs, slowRun(id, [runtime()], { trigger: "http" }));

const threeRotations = configuration({
  name: "a run at minute 0, a tick of resume at minute 3, requested runs at minutes 6 and 9",
  of: runtime(),
  mostRotations: 3,
  processes: [
    slowRun("a", [runtime()]),
    startingAfter(3 * minuteMs, slowTick("b")),
    requested("c", 6 * minuteMs),
    requested("d", 9 * minuteMs),
  ],
});

/** The cheapest first. */
export const configurations: readonly Configuration[] = [
  ...oneRun,
  ...afterOutsideVersion,
  afterOutsideKey,
  ...whileDeleted,
  ...whileWindowCloses,
  whileCompared,
  refusedForGood,
  ...withDeletedJournals,
  ...withDeletedDocuments,
  ...edited,
  ...twoGateways,
  ...several,
  threeRotations,
];
