import { type Gateway, hasTwoKeys, type Run } from "../../../src/domain/target.ts";
import { rotateAll } from "../../../src/runs/rotateAll.ts";
import { createRun } from "../../../src/runs/runs.ts";
import { gateway, ofNewRun, runtime } from "../../support/gateways.ts";
import type { World } from "../models/world.ts";
import { asConfigured } from "../promises/createPromises.ts";
import type { PromiseTerms } from "../promises/endPromises.ts";
import type { RunnerDefinition } from "../scheduler/runner.ts";
import { type SimulationTerms, startSimulation } from "../scheduler/scheduler.ts";
import {
  engineSimulation,
  invocation,
  lastEffectMs,
  resumeRunner,
  rotatedWorld,
  rotationRunner,
  runNamed,
  runWithoutFaults,
} from "./engineRunners.ts";

/** Two runners of one gateway, to explore in every order. */
export interface RunnerPair {
  readonly name: string;
  /** How many faults together are tried, where all of them reach too many states. */
  readonly mostFaults?: number | undefined;
  /** Makes a new world and new runners. */
  make(): Promise<{ readonly simulation: SimulationTerms; readonly promises: PromiseTerms }>;
}

interface Invocation {
  /** Two invocations of the same run are its first driver and a tick of resume. */
  readonly run: string;
  readonly mode: Run["mode"];
  /** When it begins, in milliseconds after the start. */
  readonly afterMs: number;
  /** Repeats until the gateway is settled, as an HTTP request does. */
  readonly repeats?: boolean;
}

/**
 * The gateway before the two runners: never rotated; rotated and settled; or, after a lost answer, suspect with a
 * verification due.
 */
type Before = "never" | "settled" | "suspect";

interface PairTerms {
  readonly name: string;
  readonly invocations: readonly Invocation[];
  readonly before?: Before;
  /** How many keys both make together without a fault. */
  readonly keys: { readonly oneKey: number; readonly twoKeys: number };
  /** How many faults together are tried of a two-key gateway, where all of them reach too many states. */
  readonly faultsOfTwoKeys?: number;
}

const secondMs = 1000;
/** Then the claim of the first runner has expired, so the second one takes over at any point of the first one's work. */
const laterMs = 3 * 60_000;
const pauseMs = 65_000;
const mostTries = 4;
/** Then no earlier attempt can take effect, and every verification is due. */
const quietMs = 60 * 60_000;

const standard = (run: string, afterMs = 0): Invocation => ({ run, mode: "standard", afterMs });
const compromised = (run: string, afterMs = 0): Invocation => ({ run, mode: "compromised", afterMs });

const keys = (oneKey: number, twoKeys: number) => ({ oneKey, twoKeys });

const runThenResume = [standard("a"), standard("a", laterMs)];
const together = [standard("a"), standard("b")];

const pairTerms: readonly PairTerms[] = [
  { name: "a run, and resume later", invocations: runThenResume, keys: keys(1, 1) },
  {
    name: "a run, and resume at the last moment at which its attempt may take effect",
    invocations: [standard("a"), standard("a", lastEffectMs)],
    keys: keys(1, 1),
  },
  { name: "a first run, and resume later", invocations: runThenResume, before: "never", keys: keys(1, 1) },
  { name: "two runs at once", invocations: together, keys: keys(1, 1) },
  {
    name: "two runs at once, and one repeats until the gateway is settled",
    invocations: [standard("a"), { ...standard("b"), repeats: true }],
    keys: keys(1, 1),
  },
  { name: "two first runs at once", invocations: together, before: "never", keys: keys(1, 1) },
  {
    name: "two runs at once, a verification is due",
    invocations: together,
    before: "suspect",
    keys: keys(1, 1),
  },
  {
    name: "a run, and another run later",
    invocations: [standard("a"), standard("b", laterMs)],
    keys: keys(2, 2),
  },
  {
    name: "two compromised runs at once",
    invocations: [compromised("a"), compromised("b")],
    keys: keys(1, 2),
  },
  {
    name: "a compromised run, and another compromised run later",
    invocations: [compromised("a"), compromised("b", laterMs)],
    keys: keys(2, 4),
    // With two faults, both runners work at once for most of their time: the states do not fit into 6 GB of memory.
    faultsOfTwoKeys: 1,
  },
  {
    name: "a run and a compromised run at once",
    invocations: [standard("a"), compromised("b")],
    keys: keys(1, 2),
  },
  {
    name: "a run, and a compromised run later",
    invocations: [standard("a"), compromised("b", laterMs)],
    keys: keys(2, 3),
  },
];

/**
 * Rotates one gateway for a run that exists already, and writes no line of the run's log. So recovery must find the
 * outcome without the log, as if every append were lost.
 */
const gatewayRunner = (
  id: string,
  of: Gateway,
  { run, mode, afterMs, repeats = false }: Invocation,
  createdAt: number,
): RunnerDefinition => ({
  id,
  startsAfterMs: afterMs,
  async run(given) {
    const { services, terms } = invocation(given);
    const rotateOnce = () =>
      rotateAll(services, [ofNewRun(of)], { ...terms, run: runNamed(run, { mode }), createdAt }, () => {});
    for (let tries = 1; (await rotateOnce()).pending > 0 && repeats && tries < mostTries; tries += 1)
      await given.clock.sleep(pauseMs);
  },
});

async function worldBefore(of: Gateway, before: Before): Promise<World> {
  if (before !== "suspect") return rotatedWorld([of], before === "never" ? 0 : 1);
  // In mode standard a two-key gateway waits out the quiet period, so its commit is not suspect.
  const mode = hasTwoKeys(of.target) ? "compromised" : "standard";
  const simulation = await startSimulation(
    engineSimulation(await rotatedWorld([of], 1), rotationRunner("suspect", [of], { mode })),
  );
  let hasLost = false;
  for (let [next] = simulation.possible(); next !== undefined; [next] = simulation.possible()) {
    const pending = simulation.runners()[0]?.calls[0]?.call;
    const isLost: boolean = !hasLost && next.kind === "call" && pending?.operation === "regenerate";
    hasLost ||= isLost;
    await simulation.step(
      isLost && next.kind === "call" ? { ...next, delivery: { kind: "lostAfter" } } : next,
    );
  }
  const left = simulation.world();
  const takenOver = await runWithoutFaults({ ...left, now: left.now + laterMs }, resumeRunner("earlier"));
  return { ...takenOver, now: takenOver.now + quietMs };
}

async function withRun(world: World, of: Gateway, { run, mode }: Invocation, at: number): Promise<World> {
  const creator: RunnerDefinition = {
    id: `creator of ${run}`,
    run(given) {
      const { storage } = invocation(given);
      return createRun(storage, runNamed(run, { mode }), () => [of]);
    },
  };
  return { ...(await runWithoutFaults({ ...world, now: at }, creator)), now: world.now };
}

async function make(of: Gateway, { invocations, before = "settled", keys }: PairTerms) {
  const earlier = await worldBefore(of, before);
  /** The first invocation of a run creates it. */
  const createdAt = ({ run }: Invocation): number =>
    earlier.now + (invocations.find((each) => each.run === run)?.afterMs ?? 0);
  let world = earlier;
  for (const [i, each] of invocations.entries()) {
    const isFirst = invocations.findIndex(({ run }) => run === each.run) === i;
    if (isFirst) world = await withRun(world, of, each, createdAt(each));
  }
  const runners = invocations.map((each, i) => gatewayRunner(`${i + 1}`, of, each, createdAt(each)));
  // Storage's clock has whole seconds, so within one second no runner knows whether a run or a rotation was first. At the
  // end of a second that clock differs most from the services' time.
  const start = { ...world, now: earlier.now + 2 * secondMs - 1 };
  const made = hasTwoKeys(of.target) ? keys.twoKeys : keys.oneKey;
  return {
    simulation: engineSimulation(start, ...runners),
    promises: { ...asConfigured([of]), before: earlier, keys: { least: made, most: made }, alone: false },
  };
}

export const runnerPairs: readonly RunnerPair[] = [gateway(), runtime()].flatMap((of) =>
  pairTerms.map((terms) => ({
    name: `${hasTwoKeys(of.target) ? "two keys" : "one key"}, ${terms.name}`,
    mostFaults: hasTwoKeys(of.target) ? terms.faultsOfTwoKeys : undefined,
    make: () => make(of, terms),
  })),
);
