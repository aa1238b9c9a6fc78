import type { Call } from "../models/call.ts";
import type { RefusalCode } from "../models/delivery.ts";

/** A fault of one call, as plain data. */
export type CallFault =
  | { readonly kind: "lostBefore" }
  /** Only an append can be delivered twice. */
  | { readonly kind: "twice" }
  | { readonly kind: "lostAfter" }
  | { readonly kind: "late" }
  | { readonly kind: "diesBefore" }
  | { readonly kind: "diesAfter" }
  | { readonly kind: "refused"; readonly code: RefusalCode };

/** How a step delivers a call, as plain data. */
export type PlannedDelivery = { readonly kind: "normal" } | CallFault;

/** One step of the scheduler. A schedule is an array of steps, and replays exactly. */
export type ScheduleStep =
  /** A runner's pending call proceeds. Each runner numbers its calls from 1. */
  | {
      readonly kind: "call";
      readonly runner: string;
      readonly call: number;
      readonly delivery: PlannedDelivery;
    }
  /** A late call takes effect. */
  | { readonly kind: "land"; readonly runner: string; readonly call: number }
  /** The clock advances to a runner's earliest timer, and the timer fires. */
  | { readonly kind: "timer"; readonly runner: string }
  /** The clock advances to its limit: the time at which something else must happen. */
  | { readonly kind: "elapse" }
  /** The clock advances, and nothing else happens. */
  | { readonly kind: "wait"; readonly ms: number }
  /** A process's own clock is moved by so many milliseconds. */
  | { readonly kind: "jump"; readonly runner: string; readonly ms: number }
  /** The process dies, stops, or continues. */
  | { readonly kind: "kill" | "freeze" | "thaw"; readonly runner: string };

export type FaultKind = "refusal" | "loss" | "crash" | "freeze" | "wait" | "jump";

/** The fault that a step uses up, of those that an exploration allows; undefined: it is no fault. */
export function faultOf(step: ScheduleStep): FaultKind | undefined {
  switch (step.kind) {
    case "call":
      return faultOfDelivery[step.delivery.kind];
    case "kill":
      return "crash";
    case "freeze":
    case "wait":
    case "jump":
      return step.kind;
    case "land":
    case "timer":
    case "thaw":
    case "elapse":
      return undefined;
  }
}

const faultOfDelivery = {
  normal: undefined,
  refused: "refusal",
  lostBefore: "loss",
  twice: "loss",
  lostAfter: "loss",
  late: "loss",
  diesBefore: "crash",
  diesAfter: "crash",
} as const satisfies Record<PlannedDelivery["kind"], FaultKind | undefined>;

/** A step in one line, such as `a: write adf-key → lostAfter`. */
export function describeStep(step: ScheduleStep, call: Call | undefined): string {
  const what = call === undefined ? "" : `${call.operation} ${call.subject}`;
  switch (step.kind) {
    case "call": {
      const { delivery } = step;
      return `${step.runner}: ${what} → ${delivery.kind === "refused" ? `refused ${delivery.code}` : delivery.kind}`;
    }
    case "land":
      return `${step.runner}: ${what} takes effect late`;
    case "timer":
      return `${step.runner}: its timer fires`;
    case "elapse":
      return "the clock advances to its limit";
    case "wait":
      return `${step.ms} ms pass`;
    case "jump":
      return `${step.runner}: its clock is moved by ${step.ms} ms`;
    case "kill":
    case "freeze":
    case "thaw":
      return `${step.runner}: ${step.kind}`;
  }
}
