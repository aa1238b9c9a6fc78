import type { Run } from "../../src/domain/run.ts";
import type { Gateway, TargetKind } from "../../src/domain/target.ts";
import { quietPeriodMs } from "../../src/rotation/terms.ts";
import { rotateAll } from "../../src/runs/rotateAll.ts";
import { createRun } from "../../src/runs/runs.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  cleanly,
  invocation,
  lastEffectMs,
  resuming,
  runNamed,
  running,
  simulating,
  worldOf,
} from "./engine.ts";
import { asConfigured, type PromiseTerms } from "./proofPromises.ts";
import type { RunnerDefinition } from "./runner.ts";
import { type SimulationTerms, startSimulation } from "./scheduler.ts";
import type { World } from "./world.ts";

/** Two runners of one gateway, to be explored in every order. */
export interface Pair {
  readonly name: string;
  /** The world and its runners, anew. */
  make(): Promise<{ readonly simulation: SimulationTerms; readonly promises: PromiseTerms }>;
}

interface Invocation {
  /** Of this run; two of one run are its driver and a tick of resume. */
  readonly run: string;
  readonly mode: Run["mode"];
  /** When it begins, in milliseconds from the first moment. */
  readonly afterMs: number;
  /** Looks again until it is settled, as a request over HTTP does. */
  readonly looksAgain?: boolean;
}

/** How the gateway was left before: never rotated; rotated, and settled; or with a check owed to a lost answer. */
type Before = "never" | "settled" | "suspect";

interface Shape {
  readonly name: string;
  readonly invocations: readonly Invocation[];
  readonly before?: Before;
  /** How many keys they make together where nothing goes wrong. */
  readonly keys: Readonly<Record<TargetKind, number>>;
}

const secondMs = 1000;
/** The claim of one who began at once has run out then: the other one takes over wherever the first one stands. */
const laterMs = 3 * 60_000;
const pauseMs = 65_000;
const mostLooks = 4;
/** Nothing can land any more, and checks have come due. */
const settledMs = 60 * 60_000;

const standard = (run: string, afterMs = 0): Invocation => ({ run, mode: "standard", afterMs });
const compromised = (run: string, afterMs = 0): Invocation => ({ run, mode: "compromised", afterMs });

const keys = (gatewayV1: number, integrationRuntime: number) => ({ gatewayV1, integrationRuntime });

const resumed = [standard("a"), standard("a", laterMs)];
const atOnce = [standard("a"), standard("b")];

const shapes: readonly Shape[] = [
  { name: "a run, and resume later", invocations: resumed, keys: keys(1, 1) },
  {
    name: "a run, and resume at the last moment at which its attempt may take effect",
    invocations: [standard("a"), standard("a", lastEffectMs)],
    keys: keys(1, 1),
  },
  { name: "a first run, and resume later", invocations: resumed, before: "never", keys: keys(1, 1) },
  { name: "two runs at once", invocations: atOnce, keys: keys(1, 1) },
  {
    name: "two runs at once, of which one looks again until it is settled",
    invocations: [standard("a"), { ...standard("b"), looksAgain: true }],
    keys: keys(1, 1),
  },
  { name: "two first runs at once", invocations: atOnce, before: "never", keys: keys(1, 1) },
  { name: "two runs at once, a check is owed", invocations: atOnce, before: "suspect", keys: keys(1, 1) },
  {
    name: "a run, and another later",
    invocations: [standard("a"), standard("b", laterMs)],
    keys: keys(2, 2),
  },
  {
    name: "two compromised runs at once",
    invocations: [compromised("a"), compromised("b")],
    keys: keys(1, 2),
  },
  {
    name: "a compromised run, and another later",
    invocations: [compromised("a"), compromised("b", laterMs)],
    keys: keys(2, 4),
  },
  {
    name: "a run and a compromised one at once",
    invocations: [standard("a"), compromised("b")],
    keys: keys(1, 2),
  },
  {
    name: "a run, and a compromised one later",
    invocations: [standard("a"), compromised("b", laterMs)],
    keys: keys(2, 3),
  },
];

/**
 * The protocol of one gateway: its runs are written down already, and nobody keeps their records, as if each later
 * write of them were lost. Recovery has to find out by itself how far they came.
 */
const rotating = (
  id: string,
  of: Gateway,
  { run, mode, afterMs, looksAgain = false }: Invocation,
  createdAt: number,
): RunnerDefinition => ({
  id,
  startsAfterMs: afterMs,
  async run(given) {
    const { services, terms } = invocation(given);
    const look = () =>
      rotateAll(
        services,
        [of],
        { gatewayOf: (gateway) => gateway },
        { ...terms, run: runNamed(run, { mode }), createdAt },
      );
    for (let looks = 1; (await look()).pending > 0 && looksAgain && looks < mostLooks; looks += 1)
      await given.clock.sleep(pauseMs);
  },
});

async function worldBefore(of: Gateway, before: Before): Promise<World> {
  if (before !== "suspect") return worldOf([of], before === "never" ? 0 : 1);
  // In mode standard a two-key target waits until nothing can land any more, and nothing becomes suspect.
  const mode = of.target.kind === "gatewayV1" ? "standard" : "compromised";
  const simulation = await startSimulation(
    simulating(await worldOf([of], 1), running("suspect", [of], { mode })),
  );
  let hasLost = false;
  for (let [next] = simulation.possible(); next !== undefined; [next] = simulation.possible()) {
    const pending = simulation.runners()[0]?.calls[0]?.call;
    const loses: boolean = !hasLost && next.kind === "call" && pending?.operation === "regenerate";
    hasLost ||= loses;
    await simulation.step(loses && next.kind === "call" ? { ...next, fate: { kind: "lostAfter" } } : next);
  }
  const left = simulation.world();
  const takenOver = await cleanly({ ...left, now: left.now + laterMs }, resuming("earlier"));
  return { ...takenOver, now: takenOver.now + settledMs };
}

async function writtenDown(world: World, of: Gateway, { run, mode }: Invocation, at: number): Promise<World> {
  const writer: RunnerDefinition = {
    id: `writer of ${run}`,
    run(given) {
      const { storage, terms } = invocation(given);
      return createRun(storage, runNamed(run, { mode }), [of], quietPeriodMs(terms));
    },
  };
  return { ...(await cleanly({ ...world, now: at }, writer)), now: world.now };
}

async function make(of: Gateway, { invocations, before = "settled", keys }: Shape) {
  const earlier = await worldBefore(of, before);
  /** An invocation goes on with the run that the first one of that name created. */
  const createdAt = ({ run }: Invocation): number =>
    earlier.now + (invocations.find((each) => each.run === run)?.afterMs ?? 0);
  let world = earlier;
  for (const [i, each] of invocations.entries()) {
    const isFirst = invocations.findIndex(({ run }) => run === each.run) === i;
    if (isFirst) world = await writtenDown(world, of, each, createdAt(each));
  }
  const runners = invocations.map((each, i) => rotating(`${i + 1}`, of, each, createdAt(each)));
  // Within one second of storage's clock no runner can know whether a run or a rotation was first. At a second's end
  // storage's clock, which has whole ones, is wrong by most.
  const start = { ...world, now: earlier.now + 2 * secondMs - 1 };
  const made = keys[of.target.kind];
  return {
    simulation: simulating(start, ...runners),
    promises: { ...asConfigured([of]), before: earlier, keys: { least: made, most: made }, alone: false },
  };
}

export const pairs: readonly Pair[] = [gateway(), runtime()].flatMap((of) =>
  shapes.map((shape) => ({
    name: `${of.target.kind === "gatewayV1" ? "one key" : "two keys"}, ${shape.name}`,
    make: () => make(of, shape),
  })),
);
