import type { CallTrace, Effect } from "../domain/attempt.ts";
import type { Gateway, KeySlot } from "../domain/target.ts";

/** How one gateway fared in one run. */
export type RotationOutcome =
  | (Published & {
      readonly kind: "rotated";
      readonly gateway: Gateway;
      readonly exposureMs: number;
      /** When it is due again; undefined: with every tick. */
      readonly dueAt: Date | undefined;
      /** When the look is owed that makes sure of it, in milliseconds since 1970 by storage's clock. */
      readonly checkAt: number;
    })
  | {
      readonly kind: "skipped";
      readonly gateway: Gateway;
      /** The rule of `nextStep` that said so, and its sentence. */
      readonly reason: string;
      readonly message: string;
      readonly checkAt: number | undefined;
      /** What was published for this very run by a runner that could not say so any more. */
      readonly published: Published | undefined;
    }
  | UnsettledRotation
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

/** Another runner is at it, or it has to wait: whoever comes after `until` goes on. */
export interface UnsettledRotation {
  readonly kind: "unsettled";
  readonly gateway: Gateway;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since 1970 by storage's clock; 0: at once. */
  readonly until: number;
}

export const overtaken = (gateway: Gateway): UnsettledRotation => ({
  kind: "unsettled",
  gateway,
  reason: "overtaken",
  message: "Another runner has gone on with it.",
  until: 0,
});

/** Nothing is begun without the time to finish it; at every tick so, `functionTimeout` or concurrency is too low. */
export const outOfTime = (gateway: Gateway): UnsettledRotation => ({
  kind: "unsettled",
  gateway,
  reason: "out-of-time",
  message: "Too little time was left to regenerate a key and be sure to store it: left to resumeRotations.",
  until: 0,
});

/** What somebody at 3 a.m. needs: what happened, what it means for the key, and what to do next. */
export interface FailedRotation {
  readonly kind: "failed";
  readonly gateway: Gateway;
  /** Stable, in kebab-case; docs and alerts refer to it. */
  readonly code: string;
  readonly message: string;
  readonly effect: Effect;
  /** Nothing that time mends: the run does not try again by itself. */
  readonly final: boolean;
  /** When a look is owed to what was published before, in milliseconds since 1970 by storage's clock. */
  readonly checkAt?: number | undefined;
  readonly nextAction: string;
  readonly rotationId?: string | undefined;
  readonly slot?: KeySlot | undefined;
  readonly trace?: CallTrace | undefined;
}
