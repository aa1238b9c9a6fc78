import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** One part of the proof, for a process of its own. */
export type Job =
  | {
      readonly kind: "explore";
      readonly configuration: string;
      readonly departures: number;
      readonly seconds: number;
      readonly mostStates: number;
    }
  | { readonly kind: "random"; readonly seed: number; readonly schedules: number; readonly seconds: number }
  /** Every configuration with no departure, then with one, then with two, until a promise is broken. */
  | {
      readonly kind: "hunt";
      /** Configurations in which the engine fails without any sabotage: nothing found there would count. */
      readonly except: readonly string[];
      readonly departures: number;
      readonly seconds: number;
      readonly mostStates: number;
    };

const figures = z.object({
  states: z.number(),
  schedules: z.number(),
  /** The most that any schedule made of one gateway. */
  regenerates: z.number(),
});

const jobResult = z.object({
  ...figures.shape,
  kind: z.enum(["holds", "cut", "violated"]),
  /** Which schedules were tried, all of them: with up to so many departures. */
  complete: z.number().optional(),
  violation: z
    .object({
      where: z.string(),
      promise: z.string(),
      departures: z.array(z.string()),
      steps: z.array(z.string()),
    })
    .optional(),
});

export type JobResult = z.infer<typeof jobResult>;

const root = join(import.meta.dirname, "../..");
const worker = relative(root, fileURLToPath(import.meta.resolve("./proofWorker.ts")));

/** Runs a job with the engine that stands in `folder`. @throws where the process fails */
export async function runJob(folder: string, job: Job): Promise<JobResult> {
  const child = spawn(process.execPath, [join(folder, worker), JSON.stringify(job)], {
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
