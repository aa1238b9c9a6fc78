import { type RegenerateOutcome, toClientRequestId } from "../domain/attempt.ts";
import { sameKey } from "../domain/redacted.ts";
import { problemOfRead, retryTransient } from "../domain/retry.ts";
import type { Run } from "../domain/run.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import { sequenceOf } from "../domain/secretVersions.ts";
import type { Gateway, KeySlot } from "../domain/target.ts";
import { emptyJournal, type Intent, isElsewhere, type Journal } from "../journal/journal.ts";
import { dueAfter } from "../journal/journalSummary.ts";
import type { HeldJournal } from "../journal/journals.ts";
import { chooseSlot, unpublishedSlot } from "./chooseSlot.ts";
import type { Context, Seen, Turn } from "./context.ts";
import { reportOutcome } from "./events.ts";
import * as failures from "./failures.ts";
import { committed, type OpenIntent, openIntent, unreachable } from "./intent.ts";
import { newVersion } from "./newVersion.ts";
import { certificateRefusal, type NextStep, nextStep } from "./nextStep.ts";
import { type FailedRotation, outOfTime, overtaken, type RotationOutcome } from "./outcome.ts";
import { preflightValue } from "./preflight.ts";
import { publishedAs, publishedFor } from "./published.ts";
import {
  callsToLook,
  callsToRegenerate,
  lastStart,
  quietPeriodMs,
  type RotationServices,
  type RunTerms,
} from "./services.ts";
import { storeKey } from "./storeKey.ts";

/**
 * Drives one gateway until it is settled for this run: look, decide, and do what was decided, one step after the
 * other. Regenerating destroys a key, so everything that can be known before it is known before it, every attempt
 * is in the journal before it is sent, and what comes after it is tried until it is done or time is up. A process
 * that dies in between leaves a journal from which the next one goes on. Never throws for what a service does.
 */
export async function rotateGateway(
  services: RotationServices,
  gateway: Gateway,
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
      // It goes on until every slot was regenerated; each rotation is told of its own.
      if (rotated !== undefined) reportOutcome(events, terms.run, rotated);
      rotated = outcome;
      continue;
    }
    if (rotated === undefined) return outcome;
    if (outcome.kind === "skipped") return rotated;
    // What stops the rest is told; what was rotated before is still to be checked.
    reportOutcome(events, terms.run, rotated);
    return outcome.kind === "failed" ? { ...outcome, checkAt: rotated.checkAt } : outcome;
  }
  return rotated ?? overtaken(gateway);
}

async function takeStep(context: Context): Promise<StepOutcome> {
  const { services, gateway, terms } = context;
  const { clock, events } = services;
  const { run } = terms;
  const { mode, trigger, takeOwnership } = run;
  if (clock.now() > lastStart(terms, callsToLook)) return outOfTime(gateway);
  const seen = await look(context);
  if ("kind" in seen) return seen;
  const { held, latest } = seen;

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
  const outcome = await act(context, seen, step);
  return outcome?.kind === "failed" ? withDebts(outcome, run, held.journal) : outcome;
}

/**
 * What is begun is gone on with, and what was attempted before may have changed the key. A check is owed whatever has
 * failed since.
 */
function withDebts(failure: FailedRotation, run: Run, journal: Journal | undefined): FailedRotation {
  const intent = journal?.intent ?? undefined;
  if (intent === undefined) return { ...failure, checkAt: checkOwedBy(run, journal) };
  const inDoubt = intent.attempts.some(({ known }) => known !== "unchanged");
  return inDoubt && failure.effect === "unchanged" ? failures.inDoubt(failure) : { ...failure, final: false };
}

/** A check is owed by the run that published, and by whoever comes where that is not known any more. */
function checkOwedBy(run: Run, journal: Journal | undefined): number | undefined {
  const { commit, check, slots } = journal ?? {};
  const owner = commit == null ? undefined : slots?.[commit.slot]?.runId;
  return owner === undefined || owner === run.id ? check?.at : undefined;
}

async function act(context: Context, seen: Seen, step: NextStep): Promise<StepOutcome> {
  const { gateway } = context;
  const { held } = seen;
  switch (step.kind) {
    case "leave":
      return { ...step, kind: "unsettled", gateway };
    case "skip": {
      const { run } = context.terms;
      const { reason, message } = step;
      const published = reason === "satisfied" ? publishedFor(run, seen) : undefined;
      return {
        kind: "skipped",
        gateway,
        reason,
        message,
        checkAt: checkOwedBy(run, held.journal),
        published,
      };
    }
    case "refuse":
      return failures.refusedByPolicy(gateway, step);
    case "adopt":
      return adopt(context, held, step.intent, step.secret);
    case "rebuild":
      return rebuild(context, seen, step.secret);
    case "check":
      return check(context, seen, step.suspect);
    case "takeOver":
      return rotate(context, seen, step.intent, step.reason);
    case "rotate":
      return rotate(context, seen, undefined, step.reason);
  }
}

/** Adopt, check, rotate, and some to spare for others' interference. */
const mostSteps = 8;

async function look({ services, gateway, terms, journals }: Context): Promise<Seen | FailedRotation> {
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
    ? withDebts(failures.vaultUnreadable(gateway, latest.problem), terms.run, read.held.journal)
    : { held: read.held, latest };
}

type Rotated = Extract<RotationOutcome, { kind: "rotated" }>;

/** Undefined: done, look again. */
type StepOutcome = RotationOutcome | undefined;

/** The store was done, and whoever did it died before it could say so: it is committed and told of now. */
async function adopt(
  context: Context,
  held: HeldJournal,
  intent: Intent,
  secret: SecretVersion,
): Promise<StepOutcome> {
  const { gateway, services, terms, journals } = context;
  const sequence = sequenceOf(secret) ?? 1;
  const journal = committed(context, held, held.journal ?? emptyJournal(gateway), intent, secret, sequence);
  const written = await journals.write(gateway, held, journal);
  if (written.kind === "failed") return failures.storageUnusable(gateway, written.problem);
  if (written.kind === "lost") return undefined;
  const { slot, attempts } = intent;
  const last = attempts.at(-1) ?? unreachable();
  services.events.emit({
    name: "GatewayKeyRotated",
    run: terms.run,
    gateway,
    ...publishedAs(secret, { slot, sequence, clientRequestId: last.clientRequestId }),
    exposureMs: gateway.target.kind === "gateway" ? Math.max(0, secret.createdOn.getTime() - last.at) : 0,
    dueAt: dueAfter(gateway, secret.createdOn),
  });
  return undefined;
}

/** From the tags of our own latest version; but which slot its key is in, the service itself has to say. */
async function rebuild(
  context: Context,
  { held, latest }: Seen,
  secret: SecretVersion,
): Promise<StepOutcome> {
  const { gateway, services, terms } = context;
  const unpublished = await slotToRegenerate(context, held, latest);
  if (typeof unpublished !== "string") return unpublished;
  const slots = { key: "key", authKey1: "authKey2", authKey2: "authKey1" } as const;
  const now = services.clock.now() + held.clockOffsetMs;
  return writeOrStop(context, held, {
    ...emptyJournal(gateway),
    commit: {
      version: secret.version,
      slot: slots[unpublished],
      clientRequestId: secret.tags["client-request-id"] ?? "unknown",
      sequence: sequenceOf(secret) ?? 1,
      at: secret.createdOn.getTime(),
    },
    check: { at: now + quietPeriodMs(terms), suspect: true },
  });
}

/** Is the latest version the committed one, and where that is in doubt, does the service accept its key? */
async function check(context: Context, seen: Seen, suspect: boolean): Promise<StepOutcome> {
  const { gateway, services, terms } = context;
  const { held, latest } = seen;
  const journal = held.journal ?? emptyJournal(gateway);
  const isCommitted = latest.kind !== "none" && latest.secret.version === journal.commit?.version;
  if (!isCommitted) return rotate(context, seen, undefined, "check-failed");
  if (suspect) {
    if (gateway.target.kind === "gateway" || latest.kind !== "enabled") {
      return rotate(context, seen, undefined, "check-impossible");
    }
    const { target } = gateway;
    const latestStart = lastStart(terms, callsToLook - 1);
    const listed = await retryTransient(() => context.pace.listKeys(target, latestStart), {
      clock: services.clock,
      lastStart: latestStart,
      problemOf: problemOfRead,
    });
    if (listed.kind === "failed" && listed.problem.transient)
      return failures.keysUnlistable(gateway, listed.problem);
    const alive =
      listed.kind === "listed" && Object.values(listed.keys).some((key) => sameKey(key, latest.key));
    if (!alive)
      return rotate(context, seen, undefined, listed.kind === "listed" ? "check-failed" : "check-impossible");
  }
  return writeOrStop(context, held, { ...journal, check: null });
}

async function writeOrStop(
  { gateway, journals }: Context,
  held: HeldJournal,
  journal: Journal,
): Promise<StepOutcome> {
  const written = await journals.write(gateway, held, journal);
  if (written.kind === "failed") return failures.storageUnusable(gateway, written.problem);
  return undefined;
}

/** One rotation: from a new intent, or from one that somebody left open. */
async function rotate(
  context: Context,
  { held, latest }: Seen,
  open: Intent | undefined,
  reason: string,
): Promise<StepOutcome> {
  const { services, gateway, terms, preflight, journals, pace } = context;
  const { secrets, clock } = services;
  const previous = latest.kind === "none" ? undefined : latest.secret;
  const slot = await slotToRegenerate(context, held, latest);
  if (typeof slot !== "string") return slot;
  const waitedMs = await pace.toRegenerate(lastStart(terms, callsToRegenerate));
  if (waitedMs === undefined) return outOfTime(gateway);
  // What was seen is older than an answer can be.
  if (waitedMs > terms.callTimeoutMs) return undefined;
  const rotationId = open?.rotationId ?? services.newGuid();
  const { run } = terms;

  const obstacle = await secretObstacle(context, latest);
  if (obstacle !== undefined) return obstacle;
  const checkVault = async (): Promise<FailedRotation | undefined> => {
    const trace = { clientRequestId: toClientRequestId(services.newGuid()), durationMs: 0 };
    const attempt = { rotationId, slot, trace };
    const like = newVersion(gateway, previous, 1, terms, attempt, preflightValue, clock.now());
    const refusal = await preflight.check(gateway, like);
    return refusal && failures.vaultTakesNoWrites(gateway, refusal);
  };
  const journal = held.journal ?? emptyJournal(gateway);
  const storageNow = () => clock.now() + held.clockOffsetMs;
  const checkIsDue = journal.check !== null && journal.check.at <= storageNow();
  const lease = openIntent(context, held, {
    ...journal,
    ...gateway.secret,
    // A rotation that a check asked for is its answer; before its time the check stays owed.
    check: checkIsDue ? null : journal.check,
    intent: {
      rotationId,
      // One that another run began is that run's, unless its key goes to another secret now.
      runId: open === undefined || isElsewhere(journal, gateway) ? run.id : open.runId,
      slot,
      reason: open?.reason ?? reason,
      attempts: open?.attempts ?? [],
      claimedUntil: 0,
    },
  });

  const regenerated = await regenerate(context, lease, slot, checkVault);
  if (regenerated.kind === "stopped") return regenerated.outcome;
  const attempt = { rotationId, slot, trace: regenerated.trace };

  const sequence =
    Math.max(journal.commit?.sequence ?? 0, previous === undefined ? 0 : (sequenceOf(previous) ?? 0)) + 1;
  const version = newVersion(gateway, previous, sequence, terms, attempt, regenerated.key, clock.now());
  const storeBeganAt = clock.now();
  const stored = await storeKey(secrets, gateway.secret, version, {
    clock,
    deadline: terms.deadline,
    mayWrite: () => lease.extend(),
    onRefused() {
      preflight.refused(gateway.secret.vaultUrl);
      context.yield();
    },
  });
  if (stored.kind === "stopped") return overtaken(gateway);
  if (stored.kind === "unstored") return failures.keyUnstored(gateway, attempt, stored.problem);
  preflight.accepted(gateway, storeBeganAt);

  const { held: now, intent } = lease.current();
  const done = await journals.write(
    gateway,
    now,
    committed(context, now, now.journal, intent, stored.secret, sequence),
  );
  if (done.kind !== "written") return overtaken(gateway);
  return {
    kind: "rotated",
    gateway,
    ...attempt,
    secretVersion: stored.secret.version,
    fingerprint: version.fingerprint,
    sequence,
    // The old key of a one-key target dies while the request is under way: counted from its start.
    exposureMs: gateway.target.kind === "gateway" ? clock.now() - regenerated.sentAt : 0,
    dueAt: dueAfter(gateway, stored.secret.createdOn),
    checkAt: done.held.journal.check?.at ?? 0,
  };
}

/** Why the vault will take no version of this secret, whatever it takes of others. */
async function secretObstacle(
  { services, gateway, terms }: Context,
  latest: LatestVersion,
): Promise<FailedRotation | undefined> {
  const certificate = certificateRefusal(latest);
  if (certificate !== undefined) return failures.refusedByPolicy(gateway, certificate);
  if (latest.kind !== "none") return undefined;
  const deleted = await retryTransient(() => services.secrets.readDeleted(gateway.secret), {
    clock: services.clock,
    lastStart: lastStart(terms, callsToLook - 2),
    problemOf: problemOfRead,
  });
  switch (deleted.kind) {
    case "absent":
      return undefined;
    case "softDeleted":
      return failures.secretSoftDeleted(gateway);
    case "failed":
      return failures.vaultUnreadable(gateway, deleted.problem);
  }
}

type Regenerated =
  | (Extract<RegenerateOutcome, { kind: "applied" }> & { readonly sentAt: number })
  | { readonly kind: "stopped"; readonly outcome: StepOutcome };

/**
 * One attempt after the other, each with a client request id of its own that is in the journal and in the log
 * before it is sent, and each only while the vault is known to take writes. An attempt that certainly changed nothing is made again where that may help. After an unknown
 * outcome a one-key target goes on at once, since its key is dead or about to be; a two-key target's published key
 * works, so it waits until nothing can land any more.
 */
async function regenerate(
  context: Context,
  lease: OpenIntent,
  slot: KeySlot,
  checkVault: () => Promise<FailedRotation | undefined>,
): Promise<Regenerated> {
  const { services, gateway, terms, pace, preflight } = context;
  const { keys, events, clock, newGuid } = services;
  const latestStart = lastStart(terms, callsToRegenerate);
  for (let attempts = 1, pauseMs = 1000; ; attempts += 1, pauseMs *= 2) {
    const refusal = await checkVault();
    if (refusal !== undefined) {
      const outcome = attempts === 1 ? refusal : await endWith(lease, refusal);
      return { kind: "stopped", outcome };
    }
    if (attempts === 1 && clock.now() > latestStart) return { kind: "stopped", outcome: outOfTime(gateway) };
    const clientRequestId = toClientRequestId(newGuid());
    const stopped = await lease.begin(clientRequestId);
    if (stopped !== undefined) return { kind: "stopped", outcome: stopped };
    if ((await lease.extend()) !== "held") {
      return { kind: "stopped", outcome: overtaken(gateway) };
    }
    if (clock.now() > latestStart) {
      await lease.endUnsent();
      return { kind: "stopped", outcome: outOfTime(gateway) };
    }
    if (!preflight.isCurrent(gateway)) {
      await lease.endUnsent();
      return { kind: "stopped", outcome: undefined };
    }
    const { rotationId } = lease.current().intent;
    events.emit({
      name: "GatewayKeyRegenerating",
      run: terms.run,
      gateway,
      rotationId,
      slot,
      clientRequestId,
    });
    const sentAt = clock.now();
    const outcome = await keys.regenerate(gateway.target, slot, clientRequestId);
    if (outcome.kind === "applied") return { ...outcome, sentAt };
    lease.note(outcome.kind);

    const { problem, trace } = outcome;
    const pause = outcome.kind === "unchanged" ? Math.max(pauseMs, problem.retryAfterMs ?? 0) : 0;
    const again = outcome.kind === "unchanged" ? problem.transient : gateway.target.kind === "gateway";
    if (again && attempts < mostAttempts && clock.now() + pause <= latestStart) {
      if (outcome.kind === "unknown") continue;
      if ((await pace.toRegenerate(latestStart, pause)) !== undefined) continue;
    }
    const { effect: kind, closed } = await lease.end();
    const failure = failures.notRegenerated(gateway, { rotationId, slot, trace }, { kind, problem });
    // An intent that could not be taken back is gone on with.
    return { kind: "stopped", outcome: closed ? failure : { ...failure, final: false } };
  }
}

const mostAttempts = 4;

/** Ends an intent over a failure that no attempt has caused. An intent that could not be withdrawn is continued. */
async function endWith(lease: OpenIntent, failure: FailedRotation): Promise<FailedRotation> {
  const { effect, closed } = await lease.end();
  if (effect === "unknown") return failures.inDoubt(failure);
  return closed ? failure : { ...failure, final: false };
}

async function slotToRegenerate(
  { services, gateway, terms, pace }: Context,
  held: HeldJournal,
  latest: LatestVersion,
): Promise<KeySlot | FailedRotation> {
  const choice = chooseSlot(gateway, latest, held.journal);
  if (choice.kind === "slot") return choice.slot;
  const latestStart = lastStart(terms, callsToLook - 2);
  const listed = await retryTransient(() => pace.listKeys(choice.target, latestStart), {
    clock: services.clock,
    lastStart: latestStart,
    problemOf: problemOfRead,
  });
  if (listed.kind === "failed") return failures.keysUnlistable(gateway, listed.problem);
  return unpublishedSlot(listed.keys, choice.published);
}
