import { setImmediate as macrotask } from "node:timers/promises";
import { type Configuration, configurations, randomConfiguration } from "./configurations.ts";
import { exploreDepartures } from "./proofDepartures.ts";
import type { Job, JobResult } from "./proofJobs.ts";
import { createPromises } from "./proofPromises.ts";
import { runRandom } from "./random.ts";

interface Limits {
  readonly departures: number;
  readonly mostStates: number;
  /** Milliseconds since 1970. */
  readonly until: number;
}

async function explore(configuration: Configuration, limits: Limits): Promise<JobResult> {
  const { simulation, promises } = await configuration.make();
  const { most, makeOracle } = createPromises(promises);
  const { fates, bounds } = configuration;
  const found = await exploreDepartures({ ...simulation, ...limits, fates, bounds, makeOracle });
  const { kind, states, schedules, complete } = found;
  const figures = { states, schedules, complete, regenerates: most.regenerates };
  if (found.kind !== "violated") return { kind, ...figures };
  const { violation: promise, departures, steps } = found;
  const violation = { where: configuration.name, promise, departures: [...departures], steps: [...steps] };
  return { kind, ...figures, violation };
}

async function hunt(except: readonly string[], { departures, ...limits }: Limits): Promise<JobResult> {
  let sum: JobResult = { kind: "holds", states: 0, schedules: 0, regenerates: 0 };
  for (let most = 0; most <= departures; most += 1) {
    for (const configuration of configurations) {
      if (except.includes(configuration.name)) continue;
      const result = await explore(configuration, { ...limits, departures: most });
      sum = {
        ...result,
        kind: sum.kind === "cut" ? "cut" : result.kind,
        states: sum.states + result.states,
        schedules: sum.schedules + result.schedules,
        regenerates: Math.max(sum.regenerates, result.regenerates),
      };
      if (result.kind === "violated") return { ...sum, kind: "violated" };
    }
  }
  return sum;
}

/** How often a fault is taken where one is possible; a schedule has some two hundred steps. */
const faultRate = 0.05;
const waitsMs = [10_000, 60_000, 600_000];

async function random(first: number, schedules: number, until: number): Promise<JobResult> {
  let states = 0;
  let regenerates = 0;
  for (let i = 0; i < schedules; i += 1) {
    if (Date.now() > until) return { kind: "cut", states, schedules: i, regenerates };
    await macrotask();
    const seed = first + i;
    const configuration = randomConfiguration(seed);
    const { simulation, promises } = await configuration.make();
    const { most, makeOracle } = createPromises(promises);
    const { fates, bounds } = configuration;
    const oracle = makeOracle();
    const ran = await runRandom({ ...simulation, fates, bounds, waitsMs, oracle, seed, faultRate });
    states += ran.schedule.length + 1;
    regenerates = Math.max(regenerates, most.regenerates);
    if (ran.kind === "holds") continue;
    const steps = [...ran.steps];
    const violation = { where: `seed ${seed}`, promise: ran.violation, departures: [], steps };
    return { kind: "violated", states, schedules: i + 1, regenerates, violation };
  }
  return { kind: "holds", states, schedules, regenerates };
}

function run(job: Job): Promise<JobResult> {
  const until = Date.now() + job.seconds * 1000;
  switch (job.kind) {
    case "explore": {
      const configuration = configurations.find(({ name }) => name === job.configuration);
      if (configuration === undefined) throw new RangeError(`No configuration is named ${job.configuration}`);
      return explore(configuration, { ...job, until });
    }
    case "random":
      return random(job.seed, job.schedules, until);
    case "hunt":
      return hunt(job.except, { ...job, until });
  }
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as Job)));
