import { type Configuration, configurations } from "../engine/configurations.ts";
import { type RunnerPair, runnerPairs } from "../engine/runnerPairs.ts";
import { compareExplorers } from "../explorers/compareExplorers.ts";
import { allFaults } from "../explorers/explorationState.ts";
import { processorMs, replay } from "../explorers/exploreAll.ts";
import { exploreDepartures } from "../explorers/exploreDepartures.ts";
import { exploreInterleavings } from "../explorers/exploreInterleavings.ts";
import { createPromises } from "../promises/createPromises.ts";
import type { PromiseId } from "../promises/promiseList.ts";
import type { Job, JobResult, Limits } from "./proofJobs.ts";
import { tryRandom } from "./tryRandom.ts";

/** `until`: in milliseconds of processor time. */
type Until = Omit<Limits, "seconds"> & { readonly until: number };

async function depart(
  configuration: Configuration,
  departures: number,
  limits: Until,
  only?: PromiseId,
): Promise<JobResult> {
  const { simulation, promises } = await configuration.make();
  const { largest, makeOracle } = createPromises(promises, only);
  const { name: where, callFaults, bounds } = configuration;
  const found = await exploreDepartures({
    ...simulation,
    ...limits,
    departures,
    callFaults,
    bounds,
    makeOracle,
  });
  const { kind, states, schedules: paths, complete } = found;
  const figures = { states, paths, complete, ...largest };
  if (found.kind !== "violated") return { kind, ...figures };
  const { violation: promise, departures: departed, steps } = found;
  const violation = { where, promise, departures: [...departed], steps: [...steps] };
  return { kind, ...figures, violation };
}

async function interleave(
  { name: where, make }: RunnerPair,
  mostFaults: number,
  limits: Until,
  only?: PromiseId,
): Promise<JobResult> {
  const { simulation, promises } = await make();
  const { largest, inWorld, beforeSending, onEvents, atEnd } = createPromises(promises, only);
  const found = await exploreInterleavings({
    ...simulation,
    ...limits,
    faults: allFaults,
    mostFaults,
    checks: {
      inWorld,
      beforeSending,
      onEvents,
      atEnd: (world, faults) =>
        atEnd(world, {
          count: faults.length,
          crashes: faults.filter((fault) => fault === "crash").length,
          refusals: 0,
          // Only a runner that is alone is checked for this.
          journalAnswers: 0,
        }),
    },
  });
  const { kind, states, paths, complete } = found;
  const figures = { states, paths, complete, ...largest };
  if (found.kind !== "violated") return { kind, ...figures };
  const { violation: promise, schedule } = found;
  // The scheduler itself replays the schedule, and throws if a step is not possible.
  const steps = [...(await replay(simulation, schedule)).log()];
  return { kind, ...figures, violation: { where, promise, steps } };
}

const randomSchedulesOfHunt = 5000;

type Hunt = Extract<Job, { kind: "hunt" }>;

/** Searches for a schedule that breaks this promise. Violations of other promises do not count. */
async function hunt({ promise, departures, shownBy }: Hunt, limits: Until): Promise<JobResult> {
  const isAsked = ({ name }: { readonly name: string }): boolean => shownBy === undefined || name === shownBy;
  const departing = (most: number) =>
    configurations.filter(isAsked).map((each) => () => depart(each, most, limits, promise));
  const interleaving = (mostFaults: number) =>
    runnerPairs
      .filter(isAsked)
      .map(
        (each) => () =>
          interleave(each, Math.min(mostFaults, each.mostFaults ?? mostFaults), limits, promise),
      );
  // The cheapest first.
  const levels = Array.from({ length: departures + 1 }, (_, most) => [
    ...departing(most),
    ...(most === 0 ? [] : interleaving(most)),
  ]);
  const parts = [...levels.flat(), ...interleaving(allFaults.length)];
  if (parts.length === 0) throw new RangeError(`Nothing is named ${shownBy}`);
  if (shownBy === undefined)
    parts.push(() => tryRandom({ seed: 1, schedules: randomSchedulesOfHunt, shrink: false, only: promise }));
  let sum: JobResult = { kind: "holds", states: 0, paths: 0, regenerates: 0, addedPerFault: 0 };
  for (const explore of parts) {
    const { violation, ...result } = await explore();
    sum = { ...sum, states: sum.states + result.states, paths: sum.paths + result.paths };
    if (violation?.promise.startsWith(`${promise}:`)) return { ...sum, kind: "violated", violation };
  }
  return sum;
}

/** Pairs with few enough orders to replay every schedule. */
const smallPairs = ["one key, a run, and resume later", "two keys, a run, and resume later"];

/** Whether merging states hides a violation: with a crash and a freeze, and with a loss. */
async function comparePairs(): Promise<JobResult> {
  let sum: JobResult = {
    kind: "holds",
    states: 0,
    paths: 0,
    regenerates: 0,
    addedPerFault: 0,
    shows: false,
  };
  for (const where of smallPairs) {
    for (const faults of [["crash", "freeze"], ["loss"]] as const) {
      const { merged, replayed } = await compareExplorers(named(runnerPairs, where), faults);
      const shows = sum.shows === true || replayed.kind === "violated";
      const { states, paths } = replayed;
      sum = { ...sum, states: sum.states + states, paths: sum.paths + paths, shows };
      if (merged.kind === replayed.kind) continue;
      const promise = `replay of every schedule: ${replayed.kind}; merged states: ${merged.kind}`;
      return { ...sum, kind: "violated", violation: { where, promise, steps: [] } };
    }
  }
  return sum;
}

function named<Each extends { readonly name: string }>(among: readonly Each[], name: string): Each {
  const found = among.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(`Nothing is named ${name}`);
  return found;
}

function run(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "depart":
      return depart(named(configurations, job.configuration), job.departures, untilOf(job));
    case "interleave":
      return interleave(
        named<RunnerPair>([...runnerPairs, ...configurations], job.name),
        job.mostFaults,
        untilOf(job),
      );
    case "random":
      return tryRandom({ ...job, shrink: true });
    case "hunt":
      return hunt(job, untilOf(job));
    case "compare":
      return comparePairs();
  }
}

const untilOf = ({ seconds, mostStates }: Limits): Until => ({
  mostStates,
  until: processorMs() + seconds * 1000,
});

const result = await run(JSON.parse(process.argv[2] ?? "") as Job);
console.log(JSON.stringify({ ...result, seconds: processorMs() / 1000 }));
