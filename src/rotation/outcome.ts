import type { CallTrace, Effect } from "../domain/attempt.ts";
import type { Gateway, KeySlot } from "../domain/target.ts";

/** How one gateway fared in one run. */
export type RotationOutcome =
  | {
      readonly kind: "rotated";
      readonly gateway: Gateway;
      readonly rotationId: string;
      readonly slot: KeySlot;
      readonly trace: CallTrace;
      readonly secretVersion: string;
      readonly fingerprint: string;
      readonly sequence: number;
      readonly exposureMs: number;
    }
  | { readonly kind: "skipped"; readonly gateway: Gateway }
  | FailedRotation;

/** What somebody at 3 a.m. needs: what happened, what it means for the key, and what to do next. */
export interface FailedRotation {
  readonly kind: "failed";
  readonly gateway: Gateway;
  /** Stable, in kebab-case; docs and alerts refer to it. */
  readonly code: string;
  readonly message: string;
  readonly effect: Effect;
  readonly nextAction: string;
  readonly rotationId?: string | undefined;
  readonly slot?: KeySlot | undefined;
  readonly trace?: CallTrace | undefined;
}
