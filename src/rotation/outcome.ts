import {
  type Attempt,
  type Effect,
  type KeyWorks,
  type Published,
  type Rotated,
  toClientRequestId,
} from "../domain/attempt.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import type { Gateway, Run } from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";
import { publisherOf } from "../journal/journalSummary.ts";

/** The outcome of one gateway in one run. */
export type RotationOutcome =
  | (Rotated & {
      readonly kind: "rotated";
      readonly gateway: Gateway;
      /** An earlier attempt may still replace the key: the verification shows whether it did. */
      readonly isSuspect: boolean;
      /** When its verification is due, in milliseconds since 1970 by storage's clock; 0: it must be committed first. */
      readonly verifyAt: number;
    })
  | {
      readonly kind: "skipped";
      readonly gateway: Gateway;
      readonly reason: SkipReason;
      readonly message: string;
      /** When a verification is due that this run has to do, in milliseconds since 1970 by storage's clock. */
      readonly verifyAt: number | undefined;
      /** The version that this run published before, in this invocation or an earlier one. */
      readonly published: Published | undefined;
    }
  | PendingRotation
  | FailedRotation;

/** The gateway's state may have changed: the engine reads it again and takes the next step. */
export const readAgain = { kind: "readAgain" } as const;
export type StepOutcome = RotationOutcome | typeof readAgain;

/** An outcome, and the published key after it; undefined: the journal could not be read. */
export type KnownStep = RotationOutcome & { readonly key: KeyState | undefined };

/** What is known about a published key. */
export interface KeyState {
  readonly works: KeyWorks;
  /** It is dead, or it is in doubt: by an attempt of this system, or by a version written outside it. */
  readonly isAtRisk: boolean;
}

/** The outcome of one gateway in one invocation. */
export type KnownOutcome = KnownStep & {
  /** The versions of its secret that this run made, as far as this invocation knows, oldest first. */
  readonly versions: readonly MadeVersion[];
};

export type MadeVersion = Pick<Published, "sequence" | "secretVersion">;

/** Why a gateway is skipped, and why it is pending. docs/runbook.md explains each word; its test compares them. */
export const skipReasons = [
  "satisfied",
  "settled",
  "outside-window",
  "late-tick",
  "not-due",
  "superseded",
] as const;
export const pendingReasons = ["claimed", "overtaken", "waiting", "out-of-time"] as const;

export type SkipReason = (typeof skipReasons)[number];
export type PendingReason = (typeof pendingReasons)[number];

/** Another runner works on the gateway, or the gateway must wait. After `until`, a runner continues. */
export interface PendingRotation {
  readonly kind: "pending";
  readonly gateway: Gateway;
  readonly reason: PendingReason;
  readonly message: string;
  /** Milliseconds since 1970 by storage's clock; 0: at once. */
  readonly until: number;
  /** As in {@link FailedRotation}. */
  readonly isKeyDead?: boolean | undefined;
}

/**
 * Adds to an outcome what a comparison of the published key with the service's keys has shown.
 *
 * @param isKeyDead true: it is none of them; undefined: there was no comparison
 */
export const compared = <Outcome extends StepOutcome>(
  outcome: Outcome,
  isKeyDead: boolean | undefined,
): Outcome =>
  isKeyDead !== undefined && (outcome.kind === "failed" || outcome.kind === "pending")
    ? { ...outcome, isKeyDead }
    : outcome;

/** Another runner changed the journal first. */
export const overtaken = (gateway: Gateway): PendingRotation => ({
  kind: "pending",
  gateway,
  reason: "overtaken",
  message: "Another runner has continued this rotation.",
  until: 0,
});

/** The engine starts nothing that it has no time to finish. If every tick ends so, the time-out or concurrency is too low. */
export const outOfTime = (gateway: Gateway): PendingRotation => ({
  kind: "pending",
  gateway,
  reason: "out-of-time",
  message:
    "Too little time was left to regenerate a key and be sure to store it. resumeRotations continues later.",
  until: 0,
});

/** A failure, for the operator: what happened, what it did to the key, and what to do next. */
export interface FailedRotation extends Partial<Attempt> {
  readonly kind: "failed";
  readonly gateway: Gateway;
  /** Stable, in kebab-case, from failureTable.ts. Docs and alerts refer to it. */
  readonly code: string;
  readonly message: string;
  readonly effect: Effect;
  /** Time alone fixes nothing, so the run does not try again. */
  readonly final: boolean;
  /**
   * True: the service does not have the published key, or consumers cannot read it, whatever the failure's own effect
   * is. False: the service has it. Undefined: not checked.
   */
  readonly isKeyDead?: boolean | undefined;
  /** A service answered 403, which passes by itself if the role was just assigned. */
  readonly refusedByRole?: boolean;
  /** The sequence of the last commit that the gateway's journal showed, 0 for none; undefined: it was not read. */
  readonly committed?: number | undefined;
  /** When the verification of the last commit is due, in milliseconds since 1970 by storage's clock. */
  readonly verifyAt?: number | undefined;
  readonly nextAction: string;
}

type Commit = NonNullable<Journal["commit"]>;

/** The rotation that made a version of ours, as the version's tags record it. */
export function publishedAs(
  { version, tags }: SecretVersion,
  { slot, sequence, clientRequestId }: Pick<Commit, "slot" | "sequence" | "clientRequestId">,
): Published {
  return {
    rotationId: tags["rotation-id"] ?? "",
    slot,
    trace: {
      clientRequestId: toClientRequestId(clientRequestId),
      requestId: tags["request-id"],
      correlationRequestId: tags["correlation-request-id"],
    },
    secretVersion: version,
    fingerprint: tags["fingerprint"] ?? "",
    sequence,
  };
}

/** What this run committed and published; undefined: the latest version is another run's, or no commit names it. */
export function publishedFor(run: Run, journal: Journal, latest: LatestVersion): Published | undefined {
  const { commit } = journal;
  if (commit === null || latest.kind === "none" || latest.secret.version !== commit.version) return undefined;
  return publisherOf(journal) === run.id ? publishedAs(latest.secret, commit) : undefined;
}
