import type { Call, RefusalCode } from "./fate.ts";

/** A fate by name, so that a schedule is plain data. */
export type FateName =
  | { readonly kind: "normal" }
  | { readonly kind: "lostBefore" }
  /** Of an append alone. */
  | { readonly kind: "twice" }
  | { readonly kind: "lostAfter" }
  | { readonly kind: "late" }
  | { readonly kind: "diesBefore" }
  | { readonly kind: "diesAfter" }
  | { readonly kind: "refused"; readonly code: RefusalCode };

/** One step of the scheduler. A schedule, an array of them, replays exactly. */
export type Choice =
  /** A runner's pending call proceeds; calls are numbered from 1, for each runner. */
  | { readonly kind: "call"; readonly runner: string; readonly call: number; readonly fate: FateName }
  /** The effect of a late call happens. */
  | { readonly kind: "land"; readonly runner: string; readonly call: number }
  /** The clock goes on to a runner's earliest timer, which fires. */
  | { readonly kind: "timer"; readonly runner: string }
  /** The clock goes as far as it can before something must have happened. */
  | { readonly kind: "elapse" }
  /** The clock goes on, and nothing else happens. */
  | { readonly kind: "wait"; readonly ms: number }
  /** A process's own clock is set by so much. */
  | { readonly kind: "jump"; readonly runner: string; readonly ms: number }
  /** The process dies, is stopped, goes on. */
  | { readonly kind: "kill" | "freeze" | "thaw"; readonly runner: string };

export type FaultKind = "refusal" | "loss" | "crash" | "freeze" | "wait" | "jump";

/** What a choice costs of the faults that an exploration may use; undefined: it is no fault. */
export function faultOf(choice: Choice): FaultKind | undefined {
  switch (choice.kind) {
    case "call":
      return faultOfFate[choice.fate.kind];
    case "kill":
      return "crash";
    case "freeze":
    case "wait":
    case "jump":
      return choice.kind;
    case "land":
    case "timer":
    case "thaw":
    case "elapse":
      return undefined;
  }
}

const faultOfFate = {
  normal: undefined,
  refused: "refusal",
  lostBefore: "loss",
  twice: "loss",
  lostAfter: "loss",
  late: "loss",
  diesBefore: "crash",
  diesAfter: "crash",
} as const satisfies Record<FateName["kind"], FaultKind | undefined>;

/** A choice in one line, as `a: write adf-key → lostAfter`. */
export function describeChoice(choice: Choice, call: Call | undefined): string {
  const what = call === undefined ? "" : `${call.operation} ${call.subject}`;
  switch (choice.kind) {
    case "call": {
      const { fate } = choice;
      return `${choice.runner}: ${what} → ${fate.kind === "refused" ? `refused ${fate.code}` : fate.kind}`;
    }
    case "land":
      return `${choice.runner}: ${what} lands late`;
    case "timer":
      return `${choice.runner}: wakes up`;
    case "elapse":
      return "as much time passes as can";
    case "wait":
      return `${choice.ms} ms pass`;
    case "jump":
      return `${choice.runner}: its clock is set by ${choice.ms} ms`;
    case "kill":
    case "freeze":
    case "thaw":
      return `${choice.runner}: ${choice.kind}`;
  }
}
