import { retryTransient } from "../domain/clock.ts";
import { type Run, slotsOf } from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";
import { publisherOf } from "../journal/journalSummary.ts";
import {
  type Context,
  type CurrentState,
  callsOfRotation,
  lastStartFor,
  quietPeriodMs,
  type RotationServices,
  type RunTerms,
  type Turn,
} from "./context.ts";
import {
  afterRotation,
  failure,
  forgetFailure,
  inDoubt,
  recordFailure,
  refusedByPolicy,
} from "./failures.ts";
import { keyAfter, type ReadState } from "./keyState.ts";
import { type NextStep, nextStep } from "./nextStep.ts";
import {
  type FailedRotation,
  type KnownOutcome,
  type KnownStep,
  type MadeVersion,
  outOfTime,
  overtaken,
  publishedFor,
  type RotationOutcome,
  type readAgain,
  type StepOutcome,
} from "./outcome.ts";
import { adopt, changeJournal, compare, rebuild, verify } from "./recover.ts";
import { rotate } from "./rotate.ts";

/**
 * Rotates one gateway if its state requires it: reads the state, decides, acts, and begins again until there is an
 * outcome. Regenerating destroys a key. So before a regenerate the engine checks all that it can and journals the
 * attempt, and after it the engine tries to store the key until time is up. If the process crashes in between, the next
 * one continues from the journal. Reports each rotation; the caller reports a failure. Never throws for what a service
 * answers.
 *
 * @param turn what the run shares among its gateways
 * @returns the outcome; in mode compromised, of the last of several rotations
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Context["gateway"],
  terms: RunTerms,
  turn: Turn,
): Promise<KnownOutcome> {
  let rotated: KnownStep | undefined;
  let read: ReadState | undefined;
  const versions: MadeVersion[] = [];
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const reported = [...turn.reported, ...versions];
    const step = await takeStep({ ...turn, reported, services, gateway, terms }, read);
    const { outcome } = step;
    read = outcome.kind === "readAgain" ? step.read : undefined;
    if (outcome.kind === "readAgain") continue;
    versions.push(...madeBy(outcome));
    if (outcome.kind === "rotated") {
      services.events.emit({ ...outcome, name: "GatewayKeyRotated", run: terms.run });
      rotated = outcome;
      // Mode compromised rotates the gateway until every slot was regenerated.
      if (terms.run.mode === "compromised") continue;
    }
    return { ...(outcome.kind === "skipped" && rotated !== undefined ? rotated : outcome), versions };
  }
  return { ...(rotated ?? { ...overtaken(gateway), key: undefined }), versions };
}

/** The version that an outcome made. For a skipped gateway: the version that the run published before. */
function madeBy(outcome: RotationOutcome): readonly MadeVersion[] {
  const made =
    outcome.kind === "rotated" ? outcome : outcome.kind === "skipped" ? outcome.published : undefined;
  return made === undefined ? [] : [{ sequence: made.sequence, secretVersion: made.secretVersion }];
}

/** Enough to adopt, verify and rotate, with steps to spare where other runners change the journal. */
const mostSteps = 8;

/**
 * Reads the gateway's journal and the latest version of its secret, decides, and does what was decided.
 *
 * @param earlier what the previous step read, if that step ended with `readAgain`
 */
async function takeStep(
  context: Context,
  earlier: ReadState | undefined,
): Promise<{ readonly read: ReadState | undefined; readonly outcome: KnownStep | typeof readAgain }> {
  const { services, gateway, terms } = context;
  const { clock, events } = services;
  const { run } = terms;

  /**
   * Adds the state of the published key to an outcome. Completes a failure by what the journal shows of the rotation,
   * and records it there, as it does a published key that was found dead. If this step could not read the journal, the
   * key's state is not known, and the journal that the previous step read completes the failure.
   */
  async function known(outcome: StepOutcome, read: ReadState | undefined) {
    if (outcome.kind === "readAgain") return { read, outcome };
    const result = outcome.kind === "failed" ? withJournal(outcome, run, read ?? earlier) : outcome;
    const isDead = result.kind === "pending" && result.isKeyDead === true;
    const recorded = isDead ? failure("publishedKeyDead", gateway) : result;
    if (recorded.kind === "failed") await recordFailure(context, recorded, read);
    return { read, outcome: { ...result, key: read && keyAfter(result, read) } };
  }

  if (clock.now() > lastStartFor(terms, callsOfRotation)) return known(outOfTime(gateway), undefined);
  const read = await context.journals.read(gateway);
  if (read.kind === "unreadable")
    return known(failure("journalUnreadable", gateway, read.problem), undefined);
  if (read.kind === "failed") return known(failure("storageUnusable", gateway, read.problem), undefined);
  const { held } = read;
  const { journal } = held;
  const latest = await retryTransient(() => services.secrets.readLatest(gateway.secret), {
    clock,
    lastStart: lastStartFor(terms, callsOfRotation),
  });
  if (latest.kind === "failed")
    return known(failure("vaultUnreadable", gateway, latest.problem), { journal, latest: undefined });

  const step = nextStep({
    gateway,
    journal,
    latest,
    request: { ...run, createdAt: terms.createdAt, isSettled: context.isSettled },
    deploymentName: terms.deploymentName,
    now: clock.now() + held.clockOffsetMs,
    quietPeriodMs: quietPeriodMs(terms),
  });
  const { kind: decision, reason, message } = step;
  events.emit({ name: "GatewayKeyRotationDecided", run, gateway, decision, decisionReason: reason, message });
  return known(await act(context, { held, latest }, step), { journal, latest });
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
      if (reason === "not-due") await forgetFailure(context, held);
      return {
        kind: "skipped",
        gateway,
        reason,
        message,
        // A superseded run has another secret than the journal, and so nothing to verify.
        verifyAt: reason === "superseded" ? undefined : verificationDueTo(run, held.journal),
        published,
      };
    }
    case "refuse":
      return refusedByPolicy(gateway, step);
    case "adopt":
      return adopt(context, held, step.intent, step.secret);
    case "rebuild":
      return rebuild(context, state, step.secret);
    case "recommit":
      return changeJournal(context, held, { commit: step.commit });
    case "verify":
      return verify(context, state);
    case "compare":
      return compare(context, state, step);
    case "takeOver":
    case "rotate":
      return rotate(context, state, step.reason);
  }
}

/**
 * Adds to a failure what the journal shows: whether an earlier attempt may have changed the key, which slots this run has
 * regenerated before, and when a verification is due. With an open intent the failure is not final.
 */
function withJournal(failed: FailedRotation, run: Run, read: ReadState | undefined): FailedRotation {
  if (read === undefined) return failed;
  const { journal } = read;
  const { intent } = journal;
  const done = slotsOf(failed.gateway.target).filter((slot) => journal.slots[slot]?.runId === run.id);
  const after = done.length === 0 ? failed : afterRotation(failed, done);
  const known = { ...after, committed: journal.commit?.sequence ?? 0 };
  if (intent === null) return { ...known, verifyAt: verificationDueTo(run, journal) };
  const isInDoubt = intent.attempts.some((attempt) => attempt.known !== "unchanged");
  return isInDoubt && known.effect === "unchanged" ? inDoubt(known) : { ...known, final: false };
}

/**
 * When the commit's verification is due, if this run must do it: the run published the version, the journal names no run
 * that did, or the run was created to finish a run that is gone.
 */
function verificationDueTo(run: Run, journal: Journal): number | undefined {
  const owner = publisherOf(journal);
  const isOurs = owner === undefined || owner === run.id || run.trigger === "resume";
  return isOurs ? journal.verification?.at : undefined;
}
