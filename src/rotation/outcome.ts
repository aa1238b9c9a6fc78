import { type CallTrace, type Effect, type KeyWorks, toClientRequestId } from "../domain/attempt.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import type { Gateway, KeySlot, Run } from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";
import { publisherOf } from "../journal/journalSummary.ts";

/** The outcome of one gateway in one run. */
export type RotationOutcome =
  | (Published & {
      readonly kind: "rotated";
      readonly gateway: Gateway;
      /** False: the key is stored, and storage did not confirm the commit. A later step adopts the version. */
      readonly isCommitted: boolean;
      /** An earlier attempt may still replace the key: the verification shows whether it did. */
      readonly isSuspect: boolean;
      /** How long the published key was dead, in milliseconds; 0 for two-key gateways. */
      readonly exposureMs: number;
      /** When it is due again; undefined: with every tick. */
      readonly dueAt: Date | undefined;
      /** When its verification is due, in milliseconds since 1970 by storage's clock; 0: at once, to be committed first. */
      readonly verifyAt: number;
    })
  | {
      readonly kind: "skipped";
      readonly gateway: Gateway;
      readonly reason: SkipReason;
      readonly message: string;
      /** When a verification is due that this run has to do, in milliseconds since 1970 by storage's clock. */
      readonly verifyAt: number | undefined;
      /** What a runner published for this very run before it died. */
      readonly published: Published | undefined;
    }
  | PendingRotation
  | FailedRotation;

/** An outcome, and the published key after it; undefined: the journal could not be read. */
export type KnownStep = RotationOutcome & { readonly key: KeyState | undefined };

/** What is known of a published key. */
export interface KeyState {
  readonly works: KeyWorks;
  /** It is dead, or an attempt of this system or a version written by another one puts it in doubt. */
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

/** A key that was made and stored, and by which request. */
export interface Published {
  readonly rotationId: string;
  readonly slot: KeySlot;
  readonly trace: CallTrace;
  readonly secretVersion: string;
  readonly fingerprint: string;
  readonly sequence: number;
}

/** Another runner works on the gateway, or the gateway has to wait: a runner after `until` continues. */
export interface PendingRotation {
  readonly kind: "pending";
  readonly gateway: Gateway;
  readonly reason: PendingReason;
  readonly message: string;
  /** Milliseconds since 1970 by storage's clock; 0: at once. */
  readonly until: number;
  /** As of a failure. */
  readonly isKeyDead?: boolean | undefined;
}

/**
 * The outcome of a rotation before which the published key was compared with the service's keys.
 *
 * @param isKeyDead whether it is none of them; undefined: it was not compared
 */
export const compared = <Outcome extends RotationOutcome | undefined>(
  outcome: Outcome,
  isKeyDead: boolean | undefined,
): Outcome =>
  isKeyDead !== undefined && (outcome?.kind === "failed" || outcome?.kind === "pending")
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

/** Nothing is started without the time to finish it. If every tick ends so, the time-out or concurrency is too low. */
export const outOfTime = (gateway: Gateway): PendingRotation => ({
  kind: "pending",
  gateway,
  reason: "out-of-time",
  message:
    "Too little time was left to regenerate a key and be sure to store it. resumeRotations continues later.",
  until: 0,
});

/** A failure, for the operator: what happened, what it did to the key, and what to do next. */
export interface FailedRotation {
  readonly kind: "failed";
  readonly gateway: Gateway;
  /** Stable, in kebab-case, by failureTable.ts; docs and alerts refer to it. */
  readonly code: string;
  readonly message: string;
  readonly effect: Effect;
  /** Time alone fixes nothing: the run does not try again by itself. */
  readonly final: boolean;
  /**
   * The service does not have the published key, or consumers cannot read it, whatever the failure's own effect is;
   * false: the service has it; undefined: that was not asked.
   */
  readonly isKeyDead?: boolean | undefined;
  /** A service answered 403: where a role was just assigned, that passes by itself. */
  readonly refusedByRole?: boolean;
  /** The sequence of the last commit that the gateway's journal showed, 0 for none; undefined: it was not read. */
  readonly committed?: number | undefined;
  /** When the verification of the last commit is due, in milliseconds since 1970 by storage's clock. */
  readonly verifyAt?: number | undefined;
  readonly nextAction: string;
  readonly rotationId?: string | undefined;
  readonly slot?: KeySlot | undefined;
  readonly trace?: CallTrace | undefined;
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

/** What a runner committed for this run; undefined: another run's version, or one that no commit names, is published. */
export function publishedFor(
  run: Run,
  journal: Journal | undefined,
  latest: LatestVersion,
): Published | undefined {
  const commit = journal?.commit ?? undefined;
  if (commit === undefined || latest.kind === "none" || latest.secret.version !== commit.version)
    return undefined;
  return journal && publisherOf(journal) === run.id ? publishedAs(latest.secret, commit) : undefined;
}
