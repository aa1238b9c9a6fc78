import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { PromiseId } from "../promises/promiseList.ts";

/** What a job may take at most. */
export interface Limits {
  /** Of processor time. */
  readonly seconds: number;
  readonly mostStates: number;
}

/** One part of the proof, for a process of its own. */
export type Job =
  /** All schedules of a configuration that depart so often from the ordinary one. */
  | ({ readonly kind: "depart"; readonly configuration: string; readonly departures: number } & Limits)
  /** All schedules of a pair or configuration with at most one fault of each kind, and at most so many together. */
  | ({ readonly kind: "interleave"; readonly name: string; readonly mostFaults: number } & Limits)
  /** `path`: from a failure that was reported before, to see that one alone. */
  | {
      readonly kind: "random";
      readonly seed: number;
      readonly schedules: number;
      readonly path?: string | undefined;
    }
  /**
   * Every configuration with no departure, then with one, and so on, then every pair, until this promise is broken;
   * or the one that is named alone.
   */
  | ({
      readonly kind: "hunt";
      readonly promise: PromiseId;
      readonly departures: number;
      readonly shownBy?: string | undefined;
    } & Limits)
  /** Small pairs by what the proof goes by, and with nothing left out: `violated` where the two disagree. */
  | { readonly kind: "compare" };

const jobResult = z.object({
  kind: z.enum(["holds", "cut", "violated"]),
  states: z.number(),
  /** Schedules that were run, or ways from one state to the next. */
  paths: z.number(),
  /** The most that any schedule made of one gateway. */
  regenerates: z.number(),
  /** The most regenerated keys that any schedule made for each fault, beyond those that were asked for. */
  addedByAFault: z.number(),
  /** Of processor time. */
  seconds: z.number().optional(),
  /** Which schedules were tried, all of them: with up to so many departures, or faults. */
  complete: z.number().optional(),
  /** Of a comparison: whether anything is wrong there. */
  shows: z.boolean().optional(),
  violation: z
    .object({
      where: z.string(),
      promise: z.string(),
      /** The schedule in words, and those of its steps that are out of the ordinary where the rest follows. */
      steps: z.array(z.string()),
      departures: z.array(z.string()).optional(),
    })
    .optional(),
});

export type JobResult = z.infer<typeof jobResult>;

const root = join(import.meta.dirname, "../../..");
const worker = relative(root, fileURLToPath(import.meta.resolve("./proofWorker.ts")));

/** Megabytes. Most of what an exploration makes is thrown away at once; the rest, a few million states, is kept. */
const nodeOptions = ["--max-semi-space-size=64", "--max-old-space-size=6144"];

/** Runs a job with the engine that stands in `folder`. @throws where the process fails */
export async function runJob(folder: string, job: Job): Promise<JobResult> {
  const child = spawn(process.execPath, [...nodeOptions, join(folder, worker), JSON.stringify(job)], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8");
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  const code = await exited;
  if (code !== 0) throw new Error(`A process of the proof ended with ${code}: ${JSON.stringify(job)}`);
  return jobResult.parse(JSON.parse(text));
}
