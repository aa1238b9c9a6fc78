import { type CallTrace, type Effect, toClientRequestId } from "../domain/attempt.ts";
import type { EventSink } from "../domain/rotationEvents.ts";
import type { Run } from "../domain/run.ts";
import type { LatestVersion, SecretVersion } from "../domain/secretStore.ts";
import type { Gateway, KeySlot } from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";

/** The outcome of one gateway in one run. */
export type RotationOutcome =
  | (Published & {
      readonly kind: "rotated";
      readonly gateway: Gateway;
      readonly exposureMs: number;
      /** When it is due again; undefined: with every tick. */
      readonly dueAt: Date | undefined;
      /** When its verification is due, in milliseconds since 1970 by storage's clock. */
      readonly verifyAt: number;
    })
  | {
      readonly kind: "skipped";
      readonly gateway: Gateway;
      /** The rule of `nextStep` that said so, and its sentence. */
      readonly reason: string;
      readonly message: string;
      readonly verifyAt: number | undefined;
      /** What a runner published for this very run before it died. */
      readonly published: Published | undefined;
    }
  | PendingRotation
  | FailedRotation;

/** A key that was made and stored, and by which request. */
export interface Published {
  readonly rotationId: string;
  readonly slot: KeySlot;
  readonly trace: CallTrace;
  readonly secretVersion: string;
  readonly fingerprint: string;
  readonly sequence: number;
}

/** Another runner holds the claim, or the gateway has to wait: a runner after `until` continues. */
export interface PendingRotation {
  readonly kind: "pending";
  readonly gateway: Gateway;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since 1970 by storage's clock; 0: at once. */
  readonly until: number;
}

export const overtaken = (gateway: Gateway): PendingRotation => ({
  kind: "pending",
  gateway,
  reason: "overtaken",
  message: "Another runner has continued this rotation.",
  until: 0,
});

/** Nothing is begun without the time to finish it; at every tick so, `functionTimeout` or concurrency is too low. */
export const outOfTime = (gateway: Gateway): PendingRotation => ({
  kind: "pending",
  gateway,
  reason: "out-of-time",
  message: "Too little time was left to regenerate a key and be sure to store it: left to resumeRotations.",
  until: 0,
});

/** What an operator needs at 3 a.m.: what happened, what it means for the key, and what to do next. */
export interface FailedRotation {
  readonly kind: "failed";
  readonly gateway: Gateway;
  /** Stable, in kebab-case; docs and alerts refer to it. */
  readonly code: string;
  readonly message: string;
  readonly effect: Effect;
  /** Time alone does not fix it: the run does not try again by itself. */
  readonly final: boolean;
  /** The sequence of the last commit that the gateway's journal showed; undefined: it showed none, or was not read. */
  readonly committed?: number | undefined;
  /** When the verification of what was published before is due, in milliseconds since 1970 by storage's clock. */
  readonly verifyAt?: number | undefined;
  readonly nextAction: string;
  readonly rotationId?: string | undefined;
  readonly slot?: KeySlot | undefined;
  readonly trace?: CallTrace | undefined;
}

type Commit = NonNullable<Journal["commit"]>;

/** What the tags of a version of ours show of the rotation that made it. */
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

/** What any runner committed for a run; undefined if something else is published now. */
export function publishedFor(
  run: Run,
  journal: Journal | undefined,
  latest: LatestVersion,
): Published | undefined {
  const commit = journal?.commit ?? undefined;
  if (commit === undefined || latest.kind === "none" || latest.secret.version !== commit.version)
    return undefined;
  return journal?.slots[commit.slot]?.runId === run.id ? publishedAs(latest.secret, commit) : undefined;
}

/** Reports the outcome of one gateway. One that was not due is no event: `RotationRunCompleted` counts it. */
export function reportOutcome(events: EventSink, run: Run, outcome: RotationOutcome): void {
  switch (outcome.kind) {
    case "rotated":
      events.emit({ ...outcome, name: "GatewayKeyRotated", run });
      break;
    case "failed":
      events.emit({ ...outcome, name: "GatewayKeyRotationFailed", run });
      break;
    case "skipped":
    case "pending":
      break;
  }
}
