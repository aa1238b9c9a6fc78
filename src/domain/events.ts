import type { CallTrace, Effect } from "./attempt.ts";
import type { Gateway, KeySlot } from "./target.ts";

export type Trigger = "schedule" | "http" | "resume";

/** One invocation's pass over the gateways. */
export interface Run {
  readonly id: string;
  readonly trigger: Trigger;
  /** Why, in the words of whoever asked; `scheduled` for the timer. */
  readonly reason: string;
  readonly requestedBy: string;
  /** `compromised`: every slot of a target is replaced in the same run. */
  readonly mode: "standard" | "compromised";
  /** Rotate also what another deployment manages. */
  readonly takeOwnership: boolean;
}

/** What happened, for Application Insights (custom events) and for the log. None of them can hold a key. */
export type RotationEvent =
  | {
      /** What was decided about a gateway, and why. Log only. */
      readonly name: "GatewayKeyRotationDecided";
      readonly run: Run;
      readonly gateway: Gateway;
      readonly decision: "leave" | "adopt" | "takeOver" | "rebuild" | "check" | "rotate" | "skip" | "refuse";
      /** The rule that decided, in kebab-case. */
      readonly decisionReason: string;
      readonly message: string;
    }
  | {
      /** Logged before the request goes out, so that the attempt can be traced even if the process dies. Log only. */
      readonly name: "GatewayKeyRegenerating";
      readonly run: Run;
      readonly gateway: Gateway;
      readonly rotationId: string;
      readonly slot: KeySlot;
      readonly clientRequestId: string;
    }
  | {
      readonly name: "GatewayKeyRotated";
      readonly run: Run;
      readonly gateway: Gateway;
      readonly rotationId: string;
      readonly slot: KeySlot;
      readonly trace: CallTrace;
      readonly secretVersion: string;
      readonly fingerprint: string;
      readonly sequence: number;
      /** Milliseconds from the published key's death to its successor in the vault: 0 where the other slot goes on working. */
      readonly exposureMs: number;
      /** When it is due again; undefined: with every tick. */
      readonly dueAt: Date | undefined;
    }
  | {
      readonly name: "GatewayKeyRotationFailed";
      readonly run: Run;
      readonly gateway: Gateway;
      readonly rotationId?: string | undefined;
      readonly slot?: KeySlot | undefined;
      readonly trace?: CallTrace | undefined;
      readonly code: string;
      readonly effect: Effect;
      readonly message: string;
      readonly nextAction: string;
    }
  | {
      readonly name: "RotationRunCompleted";
      readonly run: Run;
      readonly rotated: number;
      readonly skipped: number;
      /** Left to whoever comes next. */
      readonly unsettled: number;
      readonly failed: number;
      readonly durationMs: number;
    }
  | {
      /** Sent with every resume tick: its absence tells that nothing looks after the gateways any more. */
      readonly name: "RotationHeartbeat";
      /** Gateways in the configuration. */
      readonly gateways: number;
      /** Whose last rotation is older than their period allows. */
      readonly overdue: number;
      /** With a rotation under way or a check owed. */
      readonly unfinished: number;
      /** The first moment at which a published key expires; undefined where no version has an expiry. */
      readonly earliestExpiry?: Date | undefined;
    };

/** Where events go. Emitting never throws and never waits: telemetry must not stop a rotation. */
export interface EventSink {
  emit(event: RotationEvent): void;
}
