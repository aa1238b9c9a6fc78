import fc from "fast-check";
import { chanceOf, type Setting, settings } from "../engine/randomSettings.ts";
import {
  type Interruption,
  interruptions,
  type RandomRun,
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

/** Tries random schedules, as many as asked for, up to the first that breaks a promise. */
export async function tryRandom({ seed, schedules, path, shrink, only }: Terms): Promise<JobResult> {
  let states = 0;
  let regenerates = 0;
  let addedByAFault = 0;

  async function run(setting: Setting, schedule: readonly Interruption[]): Promise<RandomRun> {
    const { terms, promises } = await chanceOf(setting);
    const { makeOracle, most } = createPromises(promises, only);
    const ran = await runInterrupted({ ...terms, oracle: makeOracle() }, schedule);
    states += ran.schedule.length + 1;
    regenerates = Math.max(regenerates, most.regenerates);
    addedByAFault = Math.max(addedByAFault, most.addedByAFault);
    return ran;
  }

  const property = fc.asyncProperty(
    settings,
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
  const figures = { states, paths: checked.numRuns, regenerates, addedByAFault };
  if (checked.counterexample === null) return { kind: "holds", ...figures };
  const shrunk = await run(...checked.counterexample);
  const promise = shrunk.kind === "violated" ? shrunk.violation : String(checked.errorInstance);
  const where = `--seed ${checked.seed} --path "${checked.counterexamplePath}"`;
  return { kind: "violated", ...figures, violation: { where, promise, steps: [...shrunk.steps] } };
}
