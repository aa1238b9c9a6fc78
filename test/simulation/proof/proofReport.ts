import type { Job, JobResult } from "./proofJobs.ts";

/** One row of the proof's table. */
export interface Row {
  readonly part: string;
  readonly reach: string;
  readonly states?: number;
  readonly paths: number;
  readonly "most regenerates": number;
  /** Beyond what was asked for, for each fault. */
  readonly "most added by a fault"?: number;
  /** Of processor time; most of real processes' time is waiting. */
  readonly seconds?: number;
  readonly violations: number;
  /** Why the part has proved too little, though nothing was violated in what it tried. */
  readonly shortcoming: string | undefined;
}

/** What became of a sabotage. */
export interface Hunted {
  readonly name: string;
  /** It broke the promise that it names. */
  readonly isCaught: boolean;
  /** What the compiler says of it: a sabotage that does not compile proves nothing. */
  readonly compilerError: string | undefined;
  /** Whether it shows on a small pair, and whether it shows there to both explorations or to neither. */
  readonly shows: boolean;
  readonly isAgreed: boolean;
}

export function rowOf(part: string, job: Job, result: JobResult): Row {
  const { states, paths, regenerates, addedByAFault, seconds = 0, violation } = result;
  return {
    part,
    reach: reachOf(job, result),
    states,
    paths,
    "most regenerates": regenerates,
    "most added by a fault": addedByAFault,
    seconds: Math.round(seconds * 10) / 10,
    violations: violation === undefined ? 0 : 1,
    shortcoming: shortcomingOf(job, result),
  };
}

function shortcomingOf(job: Job, { kind, paths, complete = -1 }: JobResult): string | undefined {
  if (kind === "cut") return "it was cut by its limit";
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
      return [...all, "cut by its limit"].join(", ");
    case "violated":
      return "up to the first violation";
  }
}

/** Why the proof fails, a line each; none: every part began, ended and held, and every sabotage was caught. */
export function failuresIn(rows: readonly Row[], hunted: readonly Hunted[]): readonly string[] {
  return [
    ...(rows.length === 0 ? ["No part was run."] : []),
    ...rows.flatMap(({ part, violations }) => (violations > 0 ? [`Violated: ${part}.`] : [])),
    ...rows.flatMap(({ part, shortcoming }) =>
      shortcoming === undefined ? [] : [`Not proved, since ${shortcoming}: ${part}.`],
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
      isAgreed ? [] : [`Shows to one of the two explorations and not to the other: ${name}.`],
    ),
  ];
}
