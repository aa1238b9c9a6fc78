import { type Redacted, sameKey } from "../domain/redacted.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import type { AuthKeySlot, Gateway, IntegrationRuntimeTarget, KeySlot } from "../domain/target.ts";
import { managedBy, writtenByUs } from "./tags.ts";

/** What to do with one gateway; `reason` is a stable word, `message` a sentence for the log. */
export interface NextStep {
  readonly kind: "rotate" | "skip" | "refuse";
  readonly reason: string;
  readonly message: string;
}

export interface Situation {
  readonly gateway: Gateway;
  readonly latest: LatestVersion;
  readonly deploymentName: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

type Rule = (situation: Situation) => NextStep | undefined;

const dayMs = 86_400_000;

/** So that a daily tick which comes a few minutes early does not put the rotation off by a day. */
const slackMs = 30 * 60_000;

/** Another deployment rotates this secret: the two would rotate each other for ever. */
const otherDeployment: Rule = ({ latest, deploymentName }) => {
  const secret = versionOf(latest);
  const owner = secret?.tags["managed-by"];
  if (
    secret === undefined ||
    owner === undefined ||
    !writtenByUs(secret) ||
    owner === managedBy(deploymentName)
  ) {
    return undefined;
  }
  return {
    kind: "refuse",
    reason: "other-deployment",
    message: `Version ${secret.version} was written by another deployment (managed-by: ${owner}).`,
  };
};

const certificate: Rule = ({ latest }) => {
  const secret = versionOf(latest);
  if (secret?.ownedByCertificate !== true) return undefined;
  return {
    kind: "refuse",
    reason: "owned-by-certificate",
    message: `Version ${secret.version} belongs to a certificate, whose secret takes no version from anybody else.`,
  };
};

const noVersion: Rule = ({ latest }) =>
  latest.kind === "none"
    ? { kind: "rotate", reason: "no-version", message: "The secret has no version yet." }
    : undefined;

/** Somebody stored a key by hand, or the secret was another tool's: nothing says that this key is the service's. */
const foreignVersion: Rule = ({ latest }) => {
  const secret = versionOf(latest);
  if (secret === undefined || writtenByUs(secret)) return undefined;
  const message = `Version ${secret.version} of ${secret.createdOn.toISOString()} was not written by this system.`;
  return { kind: "rotate", reason: "foreign-version", message };
};

const everyTick: Rule = ({ gateway }) =>
  gateway.rotateEveryDays === undefined
    ? { kind: "rotate", reason: "every-tick", message: "No rotateEveryDays is set: every tick rotates." }
    : undefined;

const dueOrNot = ({ gateway, latest, now }: Situation): NextStep => {
  const last = versionOf(latest)?.createdOn.getTime() ?? 0;
  const dueAt = last + (gateway.rotateEveryDays ?? 0) * dayMs;
  const terms = `Last rotated ${new Date(last).toISOString()}, every ${gateway.rotateEveryDays} days`;
  return now >= dueAt - slackMs
    ? { kind: "rotate", reason: "due", message: `${terms}: due.` }
    : { kind: "skip", reason: "not-due", message: `${terms}: due ${new Date(dueAt).toISOString()}.` };
};

/** First match wins; `dueOrNot` comes last and always has an answer. */
const rules: readonly Rule[] = [certificate, otherDeployment, noVersion, foreignVersion, everyTick];

/** Decides what to do with one gateway from what is in the vault. Pure. */
export function nextStep(situation: Situation): NextStep {
  for (const rule of rules) {
    const step = rule(situation);
    if (step !== undefined) return step;
  }
  return dueOrNot(situation);
}

/**
 * - `slot`: the one to regenerate.
 * - `compare`: the one of the service's two keys that `published` is not. A tag alone does not tell: it may be of
 *   another target that the secret served before, or of a version that somebody copied.
 */
export type SlotChoice =
  | { readonly kind: "slot"; readonly slot: KeySlot }
  | { readonly kind: "compare"; readonly target: IntegrationRuntimeTarget; readonly published: Redacted };

/** Which slot to regenerate, so that the published key of a two-key target goes on working. Pure. */
export function chooseSlot({ target }: Gateway, latest: LatestVersion): SlotChoice {
  if (target.kind === "gateway") return { kind: "slot", slot: "key" };
  if (latest.kind === "enabled") return { kind: "compare", target, published: latest.key };
  // A disabled version can be read by nobody now, but our own tag says which key its readers may still hold.
  const ours = latest.kind === "disabled" && writtenByUs(latest.secret);
  const slot = ours && latest.secret.tags["key-name"] === "authKey2" ? "authKey1" : handedOutLast;
  return { kind: "slot", slot };
}

/** The slot that `published` is not in. One that is in neither is dead already: any slot will do. Pure. */
export function unpublishedSlot(
  keys: Readonly<Record<AuthKeySlot, Redacted>>,
  published: Redacted,
): AuthKeySlot {
  return sameKey(keys.authKey2, published) ? "authKey1" : handedOutLast;
}

/** People hand out authKey1 first. */
const handedOutLast: AuthKeySlot = "authKey2";

const versionOf = (latest: LatestVersion): SecretVersion | undefined =>
  latest.kind === "none" ? undefined : latest.secret;
