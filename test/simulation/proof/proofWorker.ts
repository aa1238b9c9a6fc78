import { type Configuration, configurations } from "../engine/configurations.ts";
import { type Pair, pairs } from "../engine/runnerPairs.ts";
import { compare } from "../explorers/compareExplorers.ts";
import { allFaults } from "../explorers/explorationState.ts";
import { replay } from "../explorers/exploreAll.ts";
import { exploreDepartures } from "../explorers/exploreDepartures.ts";
import { exploreInterleavings } from "../explorers/exploreInterleavings.ts";
import { processorMs } from "../explorers/processorTime.ts";
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
  const { most, makeOracle } = createPromises(promises, only);
  const { name: where, fates, bounds } = configuration;
  const found = await exploreDepartures({ ...simulation, ...limits, departures, fates, bounds, makeOracle });
  const { kind, states, schedules: paths, complete } = found;
  const figures = { states, paths, complete, ...most };
  if (found.kind !== "violated") return { kind, ...figures };
  const { violation: promise, departures: departed, steps } = found;
  const violation = { where, promise, departures: [...departed], steps: [...steps] };
  return { kind, ...figures, violation };
}

async function interleave(
  { name: where, make }: Pair,
  mostFaults: number,
  limits: Until,
  only?: PromiseId,
): Promise<JobResult> {
  const { simulation, promises } = await make();
  const { most, inWorld, beforeSending, onEvents, atEnd } = createPromises(promises, only);
  const found = await exploreInterleavings({
    ...simulation,
    ...limits,
    faults: allFaults,
    mostFaults,
    watch: {
      inWorld,
      beforeSending,
      onEvents,
      atEnd: (world, faults) =>
        atEnd(world, {
          count: faults.length,
          crashes: faults.filter((fault) => fault === "crash").length,
          refusals: 0,
          // Looked at where a runner is alone.
          journalAnswers: 0,
        }),
    },
  });
  const { kind, states, paths, complete } = found;
  const figures = { states, paths, complete, ...most };
  if (found.kind !== "violated") return { kind, ...figures };
  const { violation: promise, schedule } = found;
  // By the plain scheduler: what it cannot do was never possible.
  const steps = [...(await replay(simulation, schedule)).log()];
  return { kind, ...figures, violation: { where, promise, steps } };
}

const huntedAtRandom = 5000;

type Hunt = Extract<Job, { kind: "hunt" }>;

/** Only a violation of the promise that the sabotage breaks counts. */
async function hunt({ promise, departures, shownBy }: Hunt, limits: Until): Promise<JobResult> {
  const isAsked = ({ name }: { readonly name: string }): boolean => shownBy === undefined || name === shownBy;
  const departing = (most: number) =>
    configurations.filter(isAsked).map((each) => () => depart(each, most, limits, promise));
  const interleaving = (mostFaults: number) =>
    pairs.filter(isAsked).map((each) => () => interleave(each, mostFaults, limits, promise));
  // From the cheapest to the dearest.
  const levels = Array.from({ length: departures + 1 }, (_, most) => [
    ...departing(most),
    ...(most === 0 ? [] : interleaving(most)),
  ]);
  const parts = [...levels.flat(), ...interleaving(allFaults.length)];
  if (parts.length === 0) throw new RangeError(`Nothing is named ${shownBy}`);
  if (shownBy === undefined)
    parts.push(() => tryRandom({ seed: 1, schedules: huntedAtRandom, shrink: false, only: promise }));
  let sum: JobResult = { kind: "holds", states: 0, paths: 0, regenerates: 0, addedByAFault: 0 };
  for (const look of parts) {
    const { violation, ...result } = await look();
    sum = { ...sum, states: sum.states + result.states, paths: sum.paths + result.paths };
    if (violation?.promise.startsWith(`${promise}:`)) return { ...sum, kind: "violated", violation };
  }
  return sum;
}

/** Few enough orders to be tried plainly too. */
const smallPairs = ["one key, a run, and resume later", "two keys, a run, and resume later"];

/** Whether leaving out what changes nothing has left out a violation: with a crash and a freeze, and with a loss. */
async function comparePairs(): Promise<JobResult> {
  let sum: JobResult = {
    kind: "holds",
    states: 0,
    paths: 0,
    regenerates: 0,
    addedByAFault: 0,
    shows: false,
  };
  for (const where of smallPairs) {
    for (const faults of [["crash", "freeze"], ["loss"]] as const) {
      const { reduced, plain } = await compare(named(pairs, where), faults);
      const shows = sum.shows === true || plain.kind === "violated";
      const { states, paths } = plain;
      sum = { ...sum, states: sum.states + states, paths: sum.paths + paths, shows };
      if (reduced.kind === plain.kind) continue;
      const promise = `plainly it is ${plain.kind}, and with less tried ${reduced.kind}`;
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
      return interleave(named<Pair>([...pairs, ...configurations], job.name), job.mostFaults, untilOf(job));
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
