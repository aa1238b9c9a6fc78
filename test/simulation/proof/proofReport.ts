import type { Job, JobResult } from "./proofJobs.ts";

/** One row of the proof's table. */
export interface ProofRow {
  readonly part: string;
  readonly reach: string;
  readonly states?: number;
  readonly paths: number;
  readonly "most regenerates": number;
  /** Keys beyond what was asked for, divided by the number of faults. */
  readonly "most added per fault"?: number;
  /** Seconds of processor time. Left out for real processes, which mostly wait. */
  readonly seconds?: number;
  readonly violations: number;
  /** Why the part proved too little, although no schedule that it tried broke a promise. */
  readonly shortcoming: string | undefined;
}

/** The result of the search with one sabotage. */
export interface HuntResult {
  readonly name: string;
  /** Whether a schedule broke the promise that the sabotage names. */
  readonly isCaught: boolean;
  /** The compiler's first error. A sabotage that does not compile proves nothing. */
  readonly compilerError: string | undefined;
  /** Whether it shows on a small pair. */
  readonly shows: boolean;
  /** Whether both explorations of the small pairs agree. */
  readonly isAgreed: boolean;
}

export function rowOf(part: string, job: Job, result: JobResult): ProofRow {
  const { states, paths, regenerates, addedPerFault, seconds = 0, violation } = result;
  return {
    part,
    reach: reachOf(job, result),
    states,
    paths,
    "most regenerates": regenerates,
    "most added per fault": addedPerFault,
    seconds: Math.round(seconds * 10) / 10,
    violations: violation === undefined ? 0 : 1,
    shortcoming: shortcomingOf(job, result),
  };
}

function shortcomingOf(job: Job, { kind, paths, complete = -1 }: JobResult): string | undefined {
  if (kind === "cut") return "it reached its limit";
  switch (job.kind) {
    case "depart":
    case "interleave":
      return complete < 1 ? "no schedule with a fault was tried" : undefined;
    case "random":
      return paths < 1 ? "no schedule was tried" : undefined;
    case "hunt":
    case "compare":
      return undefined;
  }
}

function reachOf(job: Job, { kind, complete = -1 }: JobResult): string {
  const what = job.kind === "depart" ? "departures" : "faults";
  const all = complete < 0 ? [] : [`all with up to ${complete} ${what}`];
  switch (kind) {
    case "holds":
      return job.kind === "random" ? "all of them" : all.join();
    case "cut":
      return [...all, "reached its limit"].join(", ");
    case "violated":
      return "up to the first violation";
  }
}

/** Why the proof fails, one line for each reason. Empty: every part held, and every sabotage was caught. */
export function failuresIn(rows: readonly ProofRow[], hunted: readonly HuntResult[]): readonly string[] {
  return [
    ...(rows.length === 0 ? ["No part was run."] : []),
    ...rows.flatMap(({ part, violations }) => (violations > 0 ? [`Violated: ${part}.`] : [])),
    ...rows.flatMap(({ part, shortcoming }) =>
      shortcoming === undefined ? [] : [`Not proved, because ${shortcoming}: ${part}.`],
    ),
    ...hunted.flatMap(({ name, compilerError }) =>
      compilerError === undefined
        ? []
        : [`Does not compile, so it proves nothing: ${name}: ${compilerError}`],
    ),
    ...hunted.flatMap(({ name, isCaught }) =>
      isCaught ? [] : [`Not caught by the promise that it names, so the proof is too weak: ${name}.`],
    ),
    ...hunted.flatMap(({ name, isAgreed }) =>
      isAgreed ? [] : [`Only one of the two explorations finds it: ${name}.`],
    ),
  ];
}
