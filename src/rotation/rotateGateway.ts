import { problemOfRead, retryTransient } from "../domain/retry.ts";
import type { Run } from "../domain/run.ts";
import type { Journal } from "../journal/journal.ts";
import type { Context, CurrentState, StepOutcome, Turn } from "./context.ts";
import * as failures from "./failures.ts";
import { type NextStep, nextStep } from "./nextStep.ts";
import {
  type FailedRotation,
  outOfTime,
  overtaken,
  publishedFor,
  type RotationOutcome,
  reportOutcome,
} from "./outcome.ts";
import { adopt, rebuild, verify } from "./recover.ts";
import { rotate } from "./rotate.ts";
import { callsToLook, lastStart, quietPeriodMs, type RotationServices, type RunTerms } from "./services.ts";

/**
 * Drives one gateway until it is settled for this run: reads its state, decides, and does what was decided, one step
 * after the other. Regenerating destroys a key, so the engine finds out before it whatever it can; it journals every
 * attempt before it sends the request; and after it, it tries until the key is stored or time is up. A process that
 * dies in between leaves a journal from which the next one continues. Never throws for what a service does.
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Context["gateway"],
  terms: RunTerms,
  turn: Turn,
): Promise<RotationOutcome> {
  const context: Context = { ...turn, services, gateway, terms };
  const { events } = services;
  let rotated: Rotated | undefined;
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const outcome = await takeStep(context);
    if (outcome === undefined) continue;
    if (outcome.kind === "rotated" && terms.run.mode === "compromised") {
      // It continues until every slot was regenerated; each rotation is reported.
      if (rotated !== undefined) reportOutcome(events, terms.run, rotated);
      rotated = outcome;
      continue;
    }
    if (rotated === undefined) return outcome;
    if (outcome.kind === "skipped") return rotated;
    // What stops the rest is reported; what was rotated before is still to be verified.
    reportOutcome(events, terms.run, rotated);
    return outcome.kind === "failed" ? { ...outcome, verifyAt: rotated.verifyAt } : outcome;
  }
  return rotated ?? overtaken(gateway);
}

type Rotated = Extract<RotationOutcome, { kind: "rotated" }>;

/** Adopt, verify, rotate, and some to spare for other runners' interference. */
const mostSteps = 8;

async function takeStep(context: Context): Promise<StepOutcome> {
  const { services, gateway, terms } = context;
  const { clock, events } = services;
  const { run } = terms;
  const { mode, trigger, takeOwnership } = run;
  if (clock.now() > lastStart(terms, callsToLook)) return outOfTime(gateway);
  const state = await readState(context);
  if ("kind" in state) return state;
  const { held, latest } = state;

  const step = nextStep({
    gateway,
    journal: held.journal,
    latest,
    request: {
      runId: run.id,
      createdAt: terms.createdAt,
      mode,
      trigger,
      takeOwnership,
      settled: context.isSettled,
    },
    deploymentName: terms.deploymentName,
    now: clock.now() + held.clockOffsetMs,
    quietPeriodMs: quietPeriodMs(terms),
  });
  const { kind: decision, reason, message } = step;
  events.emit({ name: "GatewayKeyRotationDecided", run, gateway, decision, decisionReason: reason, message });
  const outcome = await act(context, state, step);
  return outcome?.kind === "failed" ? withJournal(outcome, run, held.journal) : outcome;
}

/** Reads the gateway's journal, and the latest version of its secret. */
async function readState({
  services,
  gateway,
  terms,
  journals,
}: Context): Promise<CurrentState | FailedRotation> {
  const { secrets, clock } = services;
  const read = await journals.read(gateway);
  if (read.kind === "unreadable") return failures.journalUnreadable(gateway, read);
  if (read.kind === "failed") return failures.storageUnusable(gateway, read.problem);
  const latest = await retryTransient(() => secrets.readLatest(gateway.secret), {
    clock,
    lastStart: lastStart(terms, callsToLook),
    problemOf: problemOfRead,
  });
  return latest.kind === "failed"
    ? withJournal(failures.vaultUnreadable(gateway, latest.problem), terms.run, read.held.journal)
    : { held: read.held, latest };
}

async function act(context: Context, state: CurrentState, step: NextStep): Promise<StepOutcome> {
  const { gateway } = context;
  const { held } = state;
  switch (step.kind) {
    case "leave":
      return { ...step, kind: "pending", gateway };
    case "skip": {
      const { run } = context.terms;
      const { reason, message } = step;
      const published = reason === "satisfied" ? publishedFor(run, held.journal, state.latest) : undefined;
      return {
        kind: "skipped",
        gateway,
        reason,
        message,
        verifyAt: verificationDueTo(run, held.journal),
        published,
      };
    }
    case "refuse":
      return failures.refusedByPolicy(gateway, step);
    case "adopt":
      return adopt(context, held, step.intent, step.secret);
    case "rebuild":
      return rebuild(context, state, step.secret);
    case "verify":
      return verify(context, state, step.suspect);
    case "takeOver":
      return rotate(context, state, step.intent, step.reason);
    case "rotate":
      return rotate(context, state, undefined, step.reason);
  }
}

/**
 * A failure, with what the journal adds to it: an open intent is continued, and an earlier attempt may have changed
 * the key. A verification stays due whatever has failed since.
 */
function withJournal(failure: FailedRotation, run: Run, journal: Journal | undefined): FailedRotation {
  const intent = journal?.intent ?? undefined;
  const known = { ...failure, committed: journal?.commit?.sequence };
  if (intent === undefined) return { ...known, verifyAt: verificationDueTo(run, journal) };
  const inDoubt = intent.attempts.some((attempt) => attempt.known !== "unchanged");
  return inDoubt && failure.effect === "unchanged" ? failures.inDoubt(known) : { ...known, final: false };
}

/** The run that published does the verification; where that run is not known any more, the run that finds it. */
function verificationDueTo(run: Run, journal: Journal | undefined): number | undefined {
  const { commit, verification, slots } = journal ?? {};
  const owner = commit == null ? undefined : slots?.[commit.slot]?.runId;
  return owner === undefined || owner === run.id ? verification?.at : undefined;
}
