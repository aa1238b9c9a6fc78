import { fingerprint, type Redacted } from "../domain/redacted.ts";
import { dayMs, describeWindow, dueFrom, isInside, slackMs } from "../domain/rotationWindow.ts";
import {
  type LatestVersion,
  managedBy,
  type SecretVersion,
  versionOf,
  writtenByUs,
} from "../domain/secretStore.ts";
import {
  type Gateway,
  hasTwoKeys,
  type KeySlot,
  type Run,
  slotsOf,
  type TwoKeyTarget,
} from "../domain/target.ts";
import { type Intent, isElsewhere, type Journal, lastAttempt } from "../journal/journal.ts";
import { chooseSlot } from "./chooseSlot.ts";
import type { PendingReason, SkipReason } from "./outcome.ts";

/**
 * What to do with one gateway. `reason` is a stable word, `message` a sentence for the log.
 *
 * - `leave`: nothing now; a later step continues, after `until` (milliseconds since 1970 by storage's clock).
 * - `adopt`: the key is stored, and only the commit is missing.
 * - `takeOver`: an intent is open: same rotation, next attempt.
 * - `rebuild`: the journal is lost: write it again from the version's tags.
 * - `recommit`: the committed attempt wrote its key twice. `commit` names the later version; its verification stays due.
 * - `verify`: the verification after a commit is due.
 * - `compare`: is the published key still one of the service's keys?
 * - `rotate`: a new intent.
 * - `skip`: nothing is to be done in this run.
 * - `refuse`: the gateway fails in this run, and no key is regenerated.
 */
export type NextStep = { readonly reason: string; readonly message: string } & (
  | { readonly kind: "leave"; readonly reason: PendingReason; readonly until: number }
  | { readonly kind: "adopt"; readonly intent: Intent; readonly secret: SecretVersion }
  | { readonly kind: "rebuild"; readonly secret: SecretVersion }
  | { readonly kind: "recommit"; readonly commit: NonNullable<Journal["commit"]> }
  | { readonly kind: "compare"; readonly target: TwoKeyTarget; readonly published: Redacted }
  | { readonly kind: "takeOver" | "verify" | "rotate" }
  | { readonly kind: "skip"; readonly reason: SkipReason }
  | { readonly kind: "refuse"; readonly reason: "owned-by-certificate" | "other-deployment" }
);

export type Refusal = Extract<NextStep, { kind: "refuse" }>;

/** What one run asks for this gateway. */
export interface RunRequest extends Pick<Run, "id" | "mode" | "trigger" | "takeOwnership" | "isLate"> {
  /** The gateway is settled in this run; at most its verification is due. */
  readonly isSettled: boolean;
  /** When the run was created, in milliseconds since 1970 by storage's clock. */
  readonly createdAt: number;
}

/** All that a decision depends on. */
export interface Situation {
  readonly gateway: Gateway;
  readonly journal: Journal;
  readonly latest: LatestVersion;
  readonly request: RunRequest;
  readonly deploymentName: string;
  /** Milliseconds since 1970 by storage's clock. */
  readonly now: number;
  /** How long an attempt can still take effect, in milliseconds (W in docs/reliability.md). */
  readonly quietPeriodMs: number;
}

type Rule = (situation: Situation) => NextStep | undefined;

const iso = (ms: number): string => new Date(ms).toISOString();

const claimed: Rule = ({ journal, now }) => {
  const until = journal.intent?.claimedUntil ?? 0;
  if (until <= now) return undefined;
  const message = `Another runner holds the claim until ${iso(until)}.`;
  return { kind: "leave", until, reason: "claimed", message };
};

/** An operator gave the gateway another secret, and it was rotated into that one since: this run's secret is outdated. */
const superseded: Rule = ({ journal, gateway, request }) => {
  const { commit, intent } = journal;
  const last = Math.max(commit?.at ?? 0, intent === null ? 0 : lastAttempt(intent).at);
  if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;
  const message = `Since this run was created, the key was moved to the secret ${journal.secretName} in ${journal.vaultUrl}.`;
  return { kind: "skip", reason: "superseded", message };
};

/** Compares the attempt, not the rotation: the version of an earlier attempt holds a key that the last one killed. */
const adopt: Rule = ({ journal, latest }) => {
  const { intent } = journal;
  const secret = versionOf(latest);
  if (intent === null || secret === undefined) return undefined;
  if (secret.tags["client-request-id"] !== lastAttempt(intent).clientRequestId) return undefined;
  const message = `The last attempt of this rotation stored version ${secret.version}; only the commit is missing.`;
  return { kind: "adopt", intent, secret, reason: "adopt", message };
};

const takeOver: Rule = ({ journal, gateway, request, now, quietPeriodMs }) => {
  const { intent } = journal;
  if (intent === null) return undefined;
  const message = `Rotation ${intent.rotationId} was started and not finished.`;
  // An attempt that is known to have changed nothing needs no wait.
  const inDoubt = intent.attempts.findLast(({ known }) => known !== "unchanged");
  const quietAt = (inDoubt?.at ?? 0) + quietPeriodMs;
  const mayWait = hasTwoKeys(gateway.target) && request.mode === "standard";
  if (mayWait && inDoubt !== undefined && now < quietAt) {
    const waits = `${message} It waits until no attempt can take effect any more; the rotation does not touch the key that consumers read from the vault.`;
    return { kind: "leave", until: quietAt, reason: "waiting", message: waits };
  }
  return { kind: "takeOver", reason: "take-over", message };
};

/**
 * A certificate's secret accepts no version but the certificate's own.
 *
 * @returns undefined: the latest version does not belong to a certificate
 */
export function certificateRefusal(latest: LatestVersion): Refusal | undefined {
  const secret = versionOf(latest);
  if (secret?.ownedByCertificate !== true) return undefined;
  const message = `Version ${secret.version} belongs to a certificate, and only the certificate may write its secret.`;
  return { kind: "refuse", reason: "owned-by-certificate", message };
}

const certificate: Rule = ({ latest }) => certificateRefusal(latest);

/** Two deployments on one secret would replace each other's keys endlessly. */
const otherDeployment: Rule = ({ latest, request, deploymentName }) => {
  if (request.takeOwnership) return undefined;
  const secret = versionOf(latest);
  const owner = secret?.tags["managed-by"];
  if (secret === undefined || !writtenByUs(secret) || owner === managedBy(deploymentName)) return undefined;
  const message = `Another deployment wrote version ${secret.version} (managed-by: ${owner}).`;
  return { kind: "refuse", reason: "other-deployment", message };
};

const rebuild: Rule = ({ journal, latest }) => {
  const secret = versionOf(latest);
  // A failure may have been recorded since the journal was lost.
  if (journal.commit !== null || secret === undefined || !writtenByUs(secret)) return undefined;
  const message = `There is no journal, but this system wrote version ${secret.version}: the journal is rebuilt from its tags.`;
  return { kind: "rebuild", secret, reason: "journal-lost", message };
};

/** A write of the committed attempt took effect late. The tags must fit the value: an operator can copy tags, too. */
const writtenTwice: Rule = ({ journal, latest }) => {
  const { commit } = journal;
  if (commit === null || latest.kind !== "enabled" || latest.secret.version === commit.version)
    return undefined;
  const { version, tags } = latest.secret;
  const isOurs = tags["client-request-id"] === commit.clientRequestId;
  if (!isOurs || tags["fingerprint"] !== fingerprint(latest.key)) return undefined;
  const message = `The committed attempt wrote its key twice: version ${version} took the place of ${commit.version}.`;
  return { kind: "recommit", commit: { ...commit, version }, reason: "written-twice", message };
};

const verificationDue: Rule = ({ journal, now }) => {
  const { verification: due } = journal;
  if (due === null || now < due.at) return undefined;
  const suspect = due.suspect ? " It is suspect: the published key may be dead." : "";
  const message = `The verification of the last commit is due.${suspect}`;
  return { kind: "verify", reason: "verification-due", message };
};

const noVersion: Rule = ({ latest }) =>
  latest.kind === "none"
    ? { kind: "rotate", reason: "no-version", message: "The secret has no version yet." }
    : undefined;

/** Written outside this system, or late: nothing shows that the service accepts this version's key. */
const foreignVersion: Rule = ({ journal, latest }) => {
  const secret = versionOf(latest);
  if (secret === undefined || secret.version === journal.commit?.version) return undefined;
  const message = `Version ${secret.version} of ${secret.createdOn.toISOString()} is not the one that the journal committed.`;
  return { kind: "rotate", reason: "foreign-version", message };
};

const satisfied: Rule = ({ journal, gateway, request }) => {
  if (journal.commit === null) return undefined;
  const slots = request.mode === "compromised" ? slotsOf(gateway.target) : [journal.commit.slot];
  if (!slots.every((slot) => isReplaced(journal, slot, request))) return undefined;
  const message = `${slots.join(" and ")}: regenerated for this run or after its creation.`;
  return { kind: "skip", reason: "satisfied", message };
};

function isReplaced({ slots }: Journal, slot: KeySlot, { id, createdAt }: RunRequest): boolean {
  const regenerated = slots[slot];
  return regenerated !== undefined && (regenerated.runId === id || regenerated.at > createdAt);
}

/** The run has reported an outcome: a later rotation of the same run would surprise the operator. */
const settled: Rule = (situation) => {
  if (!situation.request.isSettled) return undefined;
  const message = "The gateway is settled in this run: only its verification was due.";
  return satisfied(situation) ?? { kind: "skip", reason: "settled", message };
};

/** The functions host can fire a tick a moment early, and its clock differs from storage's. */
const earlyMs = 60_000;

/**
 * Only the schedule is bound to a window. Outside it, the schedule begins no rotation, even if the secret has no
 * version. The rules that continue an open rotation come before this one.
 */
const outsideWindow: Rule = (situation) => {
  const { gateway, request, now } = situation;
  const { window } = gateway;
  if (request.trigger !== "schedule" || window === undefined) return undefined;
  if (isInside(window, now) || isInside(window, now + earlyMs)) return undefined;
  const message = `The schedule rotates it only in its window: ${describeWindow(window)}.`;
  return satisfied(situation) ?? { kind: "skip", reason: "outside-window", message };
};

/** The functions host fires a missed tick whenever it starts. The operators of the gateway's host may be absent then. */
const lateTick: Rule = (situation) => {
  const { gateway, request } = situation;
  if (request.isLate !== true || hasTwoKeys(gateway.target)) return undefined;
  const message =
    "This tick comes more than an hour late. A rotation stops this gateway until its host has the new key, so it is left to the next tick.";
  return satisfied(situation) ?? { kind: "skip", reason: "late-tick", message };
};

/** A leaked key is replaced whatever its age. */
const compromised: Rule = ({ request }) =>
  request.mode === "compromised"
    ? { kind: "rotate", reason: "compromised", message: "This run replaces every key." }
    : undefined;

/** `rotateEveryDays` is for ticks: an explicit request rotates. */
const asked: Rule = ({ request }) =>
  request.trigger === "http"
    ? { kind: "rotate", reason: "asked", message: "An HTTP request asked for this rotation." }
    : undefined;

const everyTick: Rule = ({ gateway }) =>
  gateway.rotateEveryDays === undefined
    ? { kind: "rotate", reason: "every-tick", message: "No rotateEveryDays is set: every tick rotates." }
    : undefined;

/** In milliseconds since 1970; 0: never. */
export const lastRotated = ({ journal, latest }: Pick<Situation, "journal" | "latest">): number =>
  journal.commit?.at ?? versionOf(latest)?.createdOn.getTime() ?? 0;

const dueAt = (situation: Situation): number =>
  lastRotated(situation) + (situation.gateway.rotateEveryDays ?? 0) * dayMs;

const rotatedEvery = (situation: Situation): string =>
  `Last rotated ${iso(lastRotated(situation))}, every ${situation.gateway.rotateEveryDays} days`;

const due: Rule = (situation) =>
  situation.now >= dueFrom(situation.gateway, lastRotated(situation))
    ? { kind: "rotate", reason: "due", message: `${rotatedEvery(situation)}: due.` }
    : undefined;

const defaultVerifyEveryDays = 7;

/** When the published slot is regenerated outside this system, its key dies. Only the service's list of keys shows that. */
const comparisonDue: Rule = ({ gateway, journal, latest, now }) => {
  const { target, verifyEveryDays = defaultVerifyEveryDays } = gateway;
  const { commit } = journal;
  if (!hasTwoKeys(target) || commit === null || latest.kind !== "enabled") return undefined;
  const last = commit.verifiedAt ?? commit.at;
  if (now < last + verifyEveryDays * dayMs - slackMs) return undefined;
  const message = `The published key was known to work ${iso(last)}, and is compared every ${verifyEveryDays} days.`;
  return { kind: "compare", target, published: latest.key, reason: "comparison-due", message };
};

const notDue = (situation: Situation): NextStep => {
  const message = `${rotatedEvery(situation)}: due ${iso(dueAt(situation))}.`;
  return { kind: "skip", reason: "not-due", message };
};

/** The first rule that has an answer wins; `notDue` comes last and always has one. */
const rules: readonly Rule[] = [
  claimed,
  superseded,
  adopt,
  takeOver,
  certificate,
  otherDeployment,
  rebuild,
  writtenTwice,
  verificationDue,
  settled,
  outsideWindow,
  lateTick,
  noVersion,
  foreignVersion,
  satisfied,
  compromised,
  asked,
  everyTick,
  due,
  comparisonDue,
];

/**
 * A stalled process can write a slot's key again, over the published one. So in mode standard the slot of a two-key gateway
 * is not regenerated until no such write can take effect any more. Without a readable version, nothing is published.
 */
export function lateWrite(
  situation: Pick<Situation, "gateway" | "journal" | "latest" | "now">,
  mode: Run["mode"],
  slot: KeySlot,
): Extract<NextStep, { kind: "leave" }> | undefined {
  const { gateway, journal, latest, now } = situation;
  const until = journal.slots[slot]?.lateUntil ?? 0;
  const mayWait = hasTwoKeys(gateway.target) && mode === "standard" && latest.kind === "enabled";
  if (!mayWait || until <= now) return undefined;
  const message = `Until ${iso(until)}, a late write can still publish the present key of ${slot}. The rotation waits, and does not touch the published key.`;
  return { kind: "leave", until, reason: "waiting", message };
}

function unlessLate(step: NextStep, situation: Situation): NextStep {
  if (step.kind !== "rotate") return step;
  const choice = chooseSlot(situation.gateway, situation.latest, situation.journal);
  return (
    (choice.kind === "slot" ? lateWrite(situation, situation.request.mode, choice.slot) : undefined) ?? step
  );
}

/**
 * Decides what to do with one gateway. Pure.
 *
 * @param situation its journal, the latest version of its secret, what the run asks for, and the time
 */
export function nextStep(situation: Situation): NextStep {
  for (const rule of rules) {
    const step = rule(situation);
    if (step !== undefined) return unlessLate(step, situation);
  }
  return notDue(situation);
}
