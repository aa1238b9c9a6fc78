import fc from "fast-check";
import { type RandomSetting, randomExploration, randomSettings } from "../engine/randomSettings.ts";
import {
  type InterruptedRun,
  type Interruption,
  interruptions,
  runInterrupted,
} from "../explorers/runInterrupted.ts";
import { createPromises } from "../promises/createPromises.ts";
import type { PromiseId } from "../promises/promiseList.ts";
import type { Job, JobResult } from "./proofJobs.ts";

const mostInterruptions = 40;

type Terms = Omit<Extract<Job, { kind: "random" }>, "kind"> & {
  readonly shrink: boolean;
  readonly only?: PromiseId | undefined;
};

/** Tries so many random schedules, or fewer if one of them breaks a promise. */
export async function tryRandom({ seed, schedules, path, shrink, only }: Terms): Promise<JobResult> {
  let states = 0;
  let regenerates = 0;
  let addedPerFault = 0;

  async function run(setting: RandomSetting, schedule: readonly Interruption[]): Promise<InterruptedRun> {
    const { terms, promises } = await randomExploration(setting);
    const { makeOracle, largest } = createPromises(promises, only);
    const ran = await runInterrupted({ ...terms, oracle: makeOracle() }, schedule);
    states += ran.schedule.length + 1;
    regenerates = Math.max(regenerates, largest.regenerates);
    addedPerFault = Math.max(addedPerFault, largest.addedPerFault);
    return ran;
  }

  const property = fc.asyncProperty(
    randomSettings,
    interruptions(mostInterruptions),
    async (setting, schedule) => (await run(setting, schedule)).kind === "holds",
  );
  const replaying = path === undefined ? {} : { path };
  const checked = await fc.check(property, {
    seed,
    numRuns: schedules,
    endOnFailure: !shrink,
    ...replaying,
  });
  const figures = { states, paths: checked.numRuns, regenerates, addedPerFault };
  if (checked.counterexample === null) return { kind: "holds", ...figures };
  const shrunk = await run(...checked.counterexample);
  const promise = shrunk.kind === "violated" ? shrunk.violation : String(checked.errorInstance);
  const where = `--seed ${checked.seed} --path "${checked.counterexamplePath}"`;
  return { kind: "violated", ...figures, violation: { where, promise, steps: [...shrunk.steps] } };
}
