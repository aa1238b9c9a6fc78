import { type ListKeysOutcome, type RegenerateOutcome, toClientRequestId } from "../domain/attempt.ts";
import { firstPauseMs, mostAttempts, nextPause, retryTransient } from "../domain/clock.ts";
import { holdsKey, type Redacted } from "../domain/redacted.ts";
import { type LatestVersion, sequenceOf, versionOf } from "../domain/secretStore.ts";
import { hasTwoKeys, type KeySlot, type TwoKeyTarget } from "../domain/target.ts";
import { isElsewhere } from "../journal/journal.ts";
import { dueAfter } from "../journal/journalSummary.ts";
import { chooseSlot, unpublishedSlot } from "./chooseSlot.ts";
import {
  type Context,
  type CurrentState,
  callsFromRegenerate,
  callsOfRotation,
  lastStartFor,
} from "./context.ts";
import { failure, inDoubt } from "./failures.ts";
import { type EndedIntent, type OpenIntent, openIntent } from "./intent.ts";
import { newVersion } from "./newVersion.ts";
import { lateWrite } from "./nextStep.ts";
import {
  compared,
  type FailedRotation,
  outOfTime,
  overtaken,
  type RotationOutcome,
  readAgain,
  type StepOutcome,
} from "./outcome.ts";
import { checkSecret } from "./preflight.ts";
import { storeKey } from "./storeKey.ts";

/**
 * One rotation, from its intent to its commit.
 *
 * @param state what was read of the gateway. If a runner left an intent open there, this rotation continues it.
 * @param reason why the gateway is rotated; the journal keeps the reason of a new intent
 */
export async function rotate(context: Context, state: CurrentState, reason: string): Promise<StepOutcome> {
  const chosen = await slotToRegenerate(context, state);
  if ("kind" in chosen) return chosen;
  const { slot, isPublishedDead } = chosen;
  if (isPublishedDead === false) {
    // The same wait as in `nextStep`, which does not know the slot before the keys are listed.
    const { services, gateway, terms } = context;
    const { journal, clockOffsetMs } = state.held;
    const now = services.clock.now() + clockOffsetMs;
    const wait = lateWrite({ gateway, journal, latest: state.latest, now }, terms.run.mode, slot);
    if (wait !== undefined) return { ...wait, kind: "pending", gateway, isKeyDead: false };
  }
  return compared(await rotateSlot(context, state, reason, chosen), isPublishedDead);
}

async function rotateSlot(
  context: Context,
  state: CurrentState,
  reason: string,
  { slot, listed }: ChosenSlot,
): Promise<StepOutcome> {
  const { services, gateway, terms, preflight, pace } = context;
  const { held, latest } = state;
  const { clock } = services;
  const previous = versionOf(latest);
  const waitedMs = await pace.toRegenerate(lastStartFor(terms, callsFromRegenerate));
  if (waitedMs === undefined) return outOfTime(gateway);
  // The wait took longer than a call may take, so the state may be outdated: read it again.
  if (waitedMs > terms.callTimeoutMs) return readAgain;
  const { journal } = held;
  const open = journal.intent;
  const rotationId = open?.rotationId ?? services.newGuid();
  const { run } = terms;

  const checked = await checkSecret(context, latest, journal);
  if (checked !== undefined) return checked;
  const intent = openIntent(context, held, {
    rotationId,
    // A rotation that another run began belongs to that run, unless its key goes to another secret now.
    runId: open === null || isElsewhere(journal, gateway) ? run.id : open.runId,
    slot,
    reason: open?.reason ?? reason,
    attempts: open?.attempts ?? [],
    claimedUntil: 0,
  });

  const regenerated = await regenerate(context, intent, slot, latest, listed);
  if (regenerated.kind !== "applied") return regenerated;
  const attempt = { rotationId, slot, trace: regenerated.trace };

  const sequence =
    Math.max(journal.commit?.sequence ?? 0, previous === undefined ? 0 : (sequenceOf(previous) ?? 0)) + 1;
  const version = newVersion(gateway, previous, sequence, terms, attempt, regenerated.key, clock.now());
  const storeBeganAt = clock.now();
  const stored = await storeKey(context, intent, version);
  if (stored.kind === "stopped") return overtaken(gateway);
  if (stored.kind === "unstored") return { ...failure("keyUnstored", gateway, stored.problem), ...attempt };
  const storedAt = clock.now();
  preflight.accepted(gateway, storeBeganAt);

  const done = await intent.commit(stored.secret, sequence);
  // Another runner adopted the version and reported the rotation, or rotated again. The run's next drive shows which.
  if (done.kind === "lost") return overtaken(gateway);
  return {
    kind: "rotated",
    gateway,
    ...attempt,
    secretVersion: stored.secret.version,
    fingerprint: version.fingerprint,
    sequence,
    isCommitted: done.kind === "written",
    isSuspect: done.kind !== "written" || done.held.journal.verification?.suspect === true,
    // The old key of a version 1 gateway dies at some moment of the request: counted from the request's start.
    exposureMs: hasTwoKeys(gateway.target) ? 0 : storedAt - regenerated.sentAt,
    dueAt: dueAfter(gateway, stored.secret.createdOn),
    verifyAt: done.kind === "written" ? (done.held.journal.verification?.at ?? 0) : 0,
  };
}

type Regenerated =
  | StepOutcome
  | (Extract<RegenerateOutcome, { kind: "applied" }> & { readonly sentAt: number });

/**
 * Sends one attempt after the other until one makes a key. Each attempt has its own client request id, which is in the
 * journal and in the log before the request is sent, and each needs a vault that accepts writes. An attempt that
 * certainly changed nothing is repeated if its problem is transient, up to four attempts. After an unknown effect a
 * one-key gateway is tried again for as long as there is time, since its key is dead or about to be. A two-key gateway
 * waits for a later invocation, until no attempt can take effect any more: its published key is not touched meanwhile.
 *
 * @param latest the latest version, as it was read
 * @param listed the keys that the service listed before the attempts
 */
async function regenerate(
  context: Context,
  intent: OpenIntent,
  slot: KeySlot,
  latest: LatestVersion,
  listed: readonly Redacted[],
): Promise<Regenerated> {
  const { services, gateway, terms, pace, preflight } = context;
  const { keys, events, clock, newGuid } = services;
  const lastStart = lastStartFor(terms, callsFromRegenerate);
  const { rotationId } = intent;
  const old = latest.kind === "enabled" ? [latest.key, ...listed] : listed;
  let failed: FailedRotation | undefined;
  for (let attempts = 1, pauseMs = firstPauseMs; ; attempts += 1, pauseMs = nextPause(pauseMs)) {
    const refusal = await preflight.check(gateway, latest, { rotationId, slot });
    if (refusal !== undefined) {
      const refused = failure("vaultTakesNoWrites", gateway, refusal);
      return attempts === 1 ? refused : endedOver(refused, await intent.end());
    }
    if (attempts === 1 && clock.now() > lastStart) return outOfTime(gateway);
    const clientRequestId = toClientRequestId(newGuid());
    const notBegun = await intent.begin(clientRequestId);
    // Before the first attempt, a faster runner may only have recorded a failure: read the state again.
    if (notBegun?.kind === "pending" && attempts === 1) return readAgain;
    if (notBegun !== undefined) return notBegun;
    const claim = await intent.extend();
    if (claim.kind === "lost") return overtaken(gateway);
    if (claim.kind === "failed") {
      const unusable = failure("storageUnusable", gateway, claim.problem);
      return endedOver(unusable, await intent.endUnsent());
    }
    if (clock.now() > lastStart) {
      const ended = await intent.endUnsent();
      const isInDoubt = ended.kind === "open" && ended.effect === "unknown";
      return isInDoubt && failed ? failed : outOfTime(gateway);
    }
    if (!preflight.isCurrent(gateway)) {
      await intent.endUnsent();
      return readAgain;
    }
    events.emit({
      name: "GatewayKeyRegenerating",
      run: terms.run,
      gateway,
      rotationId,
      slot,
      clientRequestId,
    });
    const sentAt = clock.now();
    const answer = await keys.regenerate(gateway.target, slot, clientRequestId);
    const outcome = unlessRepeated(answer, old);
    if (outcome.kind === "applied") return { ...outcome, sentAt };
    intent.note(outcome.kind);

    const { problem, trace } = outcome;
    const failedWith = (effect: "unchanged" | "unknown"): FailedRotation => {
      const row = effect === "unchanged" ? "regenerateRefused" : "regenerateUnknown";
      return { ...failure(row, gateway, problem), rotationId, slot, trace };
    };
    failed = failedWith("unknown");
    const pause = Math.max(pauseMs, problem.retryAfterMs ?? 0);
    const mayBeDead = !hasTwoKeys(gateway.target) && !intent.isHarmless();
    const isTransient = outcome.kind === "unchanged" && problem.transient;
    const again = mayBeDead
      ? outcome.kind === "unknown" || isTransient
      : isTransient && attempts < mostAttempts;
    if (again && clock.now() + pause <= lastStart) {
      if ((await pace.toRegenerate(lastStart, pause)) !== undefined) continue;
    }
    const ended = await intent.end();
    if (ended.kind === "overtaken") return overtaken(gateway);
    const kind = ended.kind === "open" ? ended.effect : "unchanged";
    // A later step continues an open intent, so its failure is not final.
    const isOver = ended.kind === "withdrawn";
    return isOver ? failedWith(kind) : { ...failedWith(kind), final: false };
  }
}

/** A regenerated key differs from every older key. An answer with an older key does not show what was regenerated. */
function unlessRepeated(answer: RegenerateOutcome, old: readonly Redacted[]): RegenerateOutcome {
  if (answer.kind !== "applied" || !old.some((key) => holdsKey(key, answer.key))) return answer;
  const message = "Resource Manager answered with an older key, not with a new one.";
  const problem = { code: "no-key-in-answer" as const, message, transient: true };
  return { kind: "unknown", problem, trace: answer.trace };
}

/** The outcome when a failure that no attempt caused ends the intent. */
function endedOver(failure: FailedRotation, ended: EndedIntent): RotationOutcome {
  switch (ended.kind) {
    case "withdrawn":
      return failure;
    case "open":
      return ended.effect === "unknown" ? inDoubt(failure) : { ...failure, final: false };
    case "overtaken":
      return overtaken(failure.gateway);
  }
}

/**
 * Chooses the slot that is not published. Where the journal does not show that slot, lists the service's keys to find
 * it.
 */
export async function slotToRegenerate(
  context: Context,
  { held, latest }: CurrentState,
): Promise<ChosenSlot | FailedRotation> {
  const { gateway } = context;
  const choice = chooseSlot(gateway, latest, held.journal);
  if (choice.kind === "slot") return { slot: choice.slot, listed: [], isPublishedDead: undefined };
  const listed = await listKeys(context, choice.target);
  if (listed.kind === "failed") return failure("keysUnlistable", gateway, listed.problem);
  const keys = Object.values(listed.keys);
  const isPublishedDead = !keys.some((key) => holdsKey(choice.published, key));
  return { slot: unpublishedSlot(listed.keys, choice), listed: keys, isPublishedDead };
}

interface ChosenSlot {
  readonly slot: KeySlot;
  /** The keys that the service listed for the choice; empty: they were not listed. */
  readonly listed: readonly Redacted[];
  /** Whether the service lacks the published key; undefined: its keys were not listed. */
  readonly isPublishedDead: boolean | undefined;
}

/** Lists the two keys. Tries again while the problem is transient and enough time for a rotation is left. */
export function listKeys(
  { services: { clock }, terms, pace }: Context,
  target: TwoKeyTarget,
): Promise<ListKeysOutcome> {
  const lastStart = lastStartFor(terms, callsOfRotation - 2);
  const list = () => pace.listKeys(target, lastStart);
  return retryTransient(list, { clock, lastStart });
}
