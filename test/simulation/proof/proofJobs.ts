import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { PromiseId } from "../promises/promiseList.ts";

/** The limits of a job. */
export interface Limits {
  /** Seconds of processor time. */
  readonly seconds: number;
  readonly mostStates: number;
}

/** One part of the proof. Each job runs in a process of its own. */
export type Job =
  /** All schedules of a configuration with at most so many departures from the default schedule. */
  | ({ readonly kind: "depart"; readonly configuration: string; readonly departures: number } & Limits)
  /** All schedules of a pair or a configuration with at most one fault of each kind, and at most so many in total. */
  | ({ readonly kind: "interleave"; readonly name: string; readonly mostFaults: number } & Limits)
  /** Random schedules. `path`: only the one that an earlier report names. */
  | {
      readonly kind: "random";
      readonly seed: number;
      readonly schedules: number;
      readonly path?: string | undefined;
    }
  /**
   * Searches for a schedule that breaks this promise: every configuration and every pair, cheapest first.
   * `shownBy`: only the configuration or pair with this name.
   */
  | ({
      readonly kind: "hunt";
      readonly promise: PromiseId;
      readonly departures: number;
      readonly shownBy?: string | undefined;
    } & Limits)
  /** Small pairs, with merged states and by replay of every schedule. `violated`: the two disagree. */
  | { readonly kind: "compare" };

const jobResult = z.object({
  kind: z.enum(["holds", "cut", "violated"]),
  states: z.number(),
  /** Schedules that were run, or transitions from one state to the next. */
  paths: z.number(),
  /** The most keys that any schedule regenerated of one gateway. */
  regenerates: z.number(),
  /** The most keys that any schedule regenerated beyond those that were asked for, divided by its faults. */
  addedPerFault: z.number(),
  /** Seconds of processor time. */
  seconds: z.number().optional(),
  /** All schedules with up to so many departures or faults were tried. */
  complete: z.number().optional(),
  /** Of a comparison: whether it found a violation. */
  shows: z.boolean().optional(),
  violation: z
    .object({
      where: z.string(),
      promise: z.string(),
      /** The schedule in words. `departures`: its steps that depart from the default schedule. */
      steps: z.array(z.string()),
      departures: z.array(z.string()).optional(),
    })
    .optional(),
});

export type JobResult = z.infer<typeof jobResult>;

const root = join(import.meta.dirname, "../../..");
const worker = relative(root, fileURLToPath(import.meta.resolve("./proofWorker.ts")));

/** In megabytes. An exploration discards most of what it makes, and keeps a few million states. */
const nodeOptions = ["--max-semi-space-size=64", "--max-old-space-size=6144"];

/** Runs a job with the engine in `folder`. @throws if its process fails */
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
