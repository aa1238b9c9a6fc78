import type { Run } from "../domain/run.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import { managedBy, writtenByUs } from "../domain/secretVersions.ts";
import { type Gateway, hasTwoKeys, type KeySlot, slotsOf } from "../domain/target.ts";
import { type Intent, isElsewhere, type Journal } from "../journal/journal.ts";

/**
 * What to do with one gateway. `reason` is a stable word, `message` a sentence for the log.
 *
 * - `leave`: nothing now; a later step continues, after `until`.
 * - `adopt`: the store was done and the commit was not: commit only.
 * - `takeOver`: an open intent: same rotation, next attempt.
 * - `rebuild`: the journal was lost: write it again from the version's tags.
 * - `verify`: the verification that is due after a commit.
 * - `rotate`: a new intent.
 * - `skip`: satisfied or not due. `refuse`: final for this run.
 */
export type NextStep = { readonly reason: string; readonly message: string } & (
  | { readonly kind: "leave"; readonly until: number }
  | { readonly kind: "adopt"; readonly intent: Intent; readonly secret: SecretVersion }
  | { readonly kind: "takeOver"; readonly intent: Intent }
  | { readonly kind: "rebuild"; readonly secret: SecretVersion }
  | { readonly kind: "verify"; readonly suspect: boolean }
  | { readonly kind: "rotate" | "skip" }
  | { readonly kind: "refuse" }
);

/** What one run asks for this gateway. */
export interface RunRequest {
  readonly runId: string;
  readonly mode: Run["mode"];
  readonly trigger: Run["trigger"];
  readonly takeOwnership: boolean;
  /** The gateway is settled in this run; at most its verification is due. */
  readonly settled: boolean;
  /** When the run was created, in milliseconds since 1970 by storage's clock. */
  readonly createdAt: number;
}

export interface Situation {
  readonly gateway: Gateway;
  /** Undefined: there is none yet. */
  readonly journal: Journal | undefined;
  readonly latest: LatestVersion;
  readonly request: RunRequest;
  readonly deploymentName: string;
  /** Milliseconds since 1970 by storage's clock. */
  readonly now: number;
  /** After it no earlier attempt can still take effect, in milliseconds (W in docs/reliability.md). */
  readonly quietPeriodMs: number;
}

type Rule = (situation: Situation) => NextStep | undefined;

const dayMs = 86_400_000;

/** So that a daily tick which comes a few minutes early does not put the rotation off by a day. */
const slackMs = 30 * 60_000;

const iso = (ms: number): string => new Date(ms).toISOString();

const versionOf = (latest: LatestVersion): SecretVersion | undefined =>
  latest.kind === "none" ? undefined : latest.secret;

const claimed: Rule = ({ journal, now }) => {
  const until = journal?.intent?.claimedUntil ?? 0;
  if (until <= now) return undefined;
  return {
    kind: "leave",
    until,
    reason: "claimed",
    message: `Another runner holds the claim until ${iso(until)}.`,
  };
};

/** The gateway was given another secret, and was rotated into that one since: this run's destination is history. */
const superseded: Rule = ({ journal, gateway, request }) => {
  if (journal === undefined) return undefined;
  const last = Math.max(journal.commit?.at ?? 0, journal.intent?.attempts.at(-1)?.at ?? 0);
  if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;
  const message = `Since this run was created the key is kept in ${journal.secretName} in ${journal.vaultUrl}.`;
  return { kind: "skip", reason: "superseded", message };
};

/** By the attempt, not by the rotation: the version of an earlier attempt holds a key that the last one killed. */
const adopt: Rule = ({ journal, latest }) => {
  const intent = journal?.intent ?? undefined;
  const secret = versionOf(latest);
  const last = intent?.attempts.at(-1)?.clientRequestId;
  if (intent === undefined || secret === undefined || secret.tags["client-request-id"] !== last)
    return undefined;
  const message = `Version ${secret.version} was stored by this rotation's last attempt; only its commit is missing.`;
  return { kind: "adopt", intent, secret, reason: "adopt", message };
};

const takeOver: Rule = ({ journal, gateway, request, now, quietPeriodMs }) => {
  const intent = journal?.intent ?? undefined;
  if (intent === undefined) return undefined;
  const message = `Rotation ${intent.rotationId} was begun and not finished.`;
  // An attempt that is known to have changed nothing is not waited for.
  const inDoubt = intent.attempts.findLast(({ known }) => known !== "unchanged");
  const quietAt = (inDoubt?.at ?? 0) + quietPeriodMs;
  const mayWait = hasTwoKeys(gateway.target) && request.mode === "standard";
  if (mayWait && inDoubt !== undefined && now < quietAt) {
    const waits = `${message} Its published key works, so it waits until no attempt can still take effect.`;
    return { kind: "leave", until: quietAt, reason: "waiting", message: waits };
  }
  return { kind: "takeOver", intent, reason: "take-over", message };
};

/** A certificate's secret takes no version but the certificate's own. */
export function certificateRefusal(latest: LatestVersion): Extract<NextStep, { kind: "refuse" }> | undefined {
  const secret = versionOf(latest);
  if (secret?.ownedByCertificate !== true) return undefined;
  const message = `Version ${secret.version} belongs to a certificate, whose secret takes no other version.`;
  return { kind: "refuse", reason: "owned-by-certificate", message };
}

const certificate: Rule = ({ latest }) => certificateRefusal(latest);

/** Two deployments on one secret would rotate each other's keys for ever. */
const otherDeployment: Rule = ({ latest, request, deploymentName }) => {
  if (request.takeOwnership) return undefined;
  const secret = versionOf(latest);
  const owner = secret?.tags["managed-by"];
  if (secret === undefined || !writtenByUs(secret) || owner === managedBy(deploymentName)) return undefined;
  const message = `Version ${secret.version} was written by another deployment (managed-by: ${owner}).`;
  return { kind: "refuse", reason: "other-deployment", message };
};

const rebuild: Rule = ({ journal, latest }) => {
  const secret = versionOf(latest);
  if (journal !== undefined || secret === undefined || !writtenByUs(secret)) return undefined;
  const message = `There is no journal, but version ${secret.version} is ours: it is rebuilt from the tags.`;
  return { kind: "rebuild", secret, reason: "journal-lost", message };
};

const verificationDue: Rule = ({ journal, now }) => {
  const due = journal?.verification ?? undefined;
  if (due === undefined || now < due.at) return undefined;
  const message = due.suspect ? "The published key may be dead." : "The last commit is to be verified.";
  return { kind: "verify", suspect: due.suspect, reason: "verification-due", message };
};

const noVersion: Rule = ({ latest }) =>
  latest.kind === "none"
    ? { kind: "rotate", reason: "no-version", message: "The secret has no version yet." }
    : undefined;

/** Written outside this system, or late: nothing shows that this version's key is the service's. */
const foreignVersion: Rule = ({ journal, latest }) => {
  const secret = versionOf(latest);
  if (secret === undefined || secret.version === journal?.commit?.version) return undefined;
  const message = `Version ${secret.version} of ${secret.createdOn.toISOString()} is not the one that was committed here.`;
  return { kind: "rotate", reason: "foreign-version", message };
};

const satisfied: Rule = ({ journal, gateway, request }) => {
  const commit = journal?.commit ?? undefined;
  if (journal === undefined || commit === undefined) return undefined;
  const slots = request.mode === "compromised" ? slotsOf(gateway.target) : [commit.slot];
  if (!slots.every((slot) => isReplaced(journal, slot, request))) return undefined;
  const message = `${slots.join(" and ")}: regenerated for this run or after its creation.`;
  return { kind: "skip", reason: "satisfied", message };
};

function isReplaced({ slots }: Journal, slot: KeySlot, { runId, createdAt }: RunRequest): boolean {
  const regenerated = slots[slot];
  return regenerated !== undefined && (regenerated.runId === runId || regenerated.at > createdAt);
}

/** The answer said that it failed: a later rotation of the same run would surprise the operator. */
const settled: Rule = (situation) => {
  if (!situation.request.settled) return undefined;
  const message = "It is settled in this run: only its verification was due.";
  return satisfied(situation) ?? { kind: "skip", reason: "settled", message };
};

/** A leaked key is replaced whatever its age. */
const compromised: Rule = ({ request }) =>
  request.mode === "compromised"
    ? { kind: "rotate", reason: "compromised", message: "This run replaces every key." }
    : undefined;

/** `rotateEveryDays` is for ticks: an explicit request rotates. */
const asked: Rule = ({ request }) =>
  request.trigger === "http"
    ? { kind: "rotate", reason: "asked", message: "A request asked for it." }
    : undefined;

const everyTick: Rule = ({ gateway }) =>
  gateway.rotateEveryDays === undefined
    ? { kind: "rotate", reason: "every-tick", message: "No rotateEveryDays is set: every tick rotates." }
    : undefined;

const dueOrNot = ({ gateway, journal, latest, now }: Situation): NextStep => {
  const last = journal?.commit?.at ?? versionOf(latest)?.createdOn.getTime() ?? 0;
  const dueAt = last + (gateway.rotateEveryDays ?? 0) * dayMs;
  const terms = `Last rotated ${iso(last)}, every ${gateway.rotateEveryDays} days`;
  return now >= dueAt - slackMs
    ? { kind: "rotate", reason: "due", message: `${terms}: due.` }
    : { kind: "skip", reason: "not-due", message: `${terms}: due ${iso(dueAt)}.` };
};

/** First match wins; `dueOrNot` comes last and always has an answer. */
const rules: readonly Rule[] = [
  claimed,
  superseded,
  adopt,
  takeOver,
  certificate,
  otherDeployment,
  rebuild,
  verificationDue,
  settled,
  noVersion,
  foreignVersion,
  satisfied,
  compromised,
  asked,
  everyTick,
];

/** Decides what to do with one gateway from its journal and what is in the vault. Pure. */
export function nextStep(situation: Situation): NextStep {
  for (const rule of rules) {
    const step = rule(situation);
    if (step !== undefined) return step;
  }
  return dueOrNot(situation);
}
