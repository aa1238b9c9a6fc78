import type { GatewayKeys } from "../domain/attempt.ts";
import type { EventSink, Run } from "../domain/events.ts";
import type { SecretStore } from "../domain/secretStore.ts";

/** What the rotation engine acts through; it knows no SDK, no clock and no randomness but these. */
export interface RotationServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  readonly events: EventSink;
  readonly clock: Clock;
  /** A fresh random GUID. */
  newGuid(): string;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What holds for all gateways of one invocation. */
export interface RunTerms {
  readonly run: Run;
  /** Name of this deployment: it stands in `managed-by`, so that two deployments on one secret are noticed. */
  readonly deploymentName: string;
  /** When this invocation must be done, in milliseconds since 1970: the platform's time-out less a margin. */
  readonly deadline: number;
  /** The longest that one call to a service may take, in milliseconds. */
  readonly callTimeoutMs: number;
  /** Gateways that are rotated at the same time. */
  readonly concurrency: number;
}
