import { gatewayTarget, runtimeTarget } from "../support/gateways.ts";
import { replaceCompromised, rotateOnSchedule, type TriggerFunction } from "./triggerFunctions.ts";

/** The gateway of a case, and how it is rotated. */
export interface TestedGateway {
  readonly name: string;
  readonly resourceId: string;
  readonly keys: 1 | 2;
  /**
   * Whether the gateway waits out the quiet period after an unknown effect, so that its published key works at every
   * moment: with two keys, in mode standard.
   */
  readonly waits: boolean;
  /** The simulator's name for the vault. */
  readonly vault: string;
  readonly secretName: string;
  /** The slot whose key was published outside this system before the first run; undefined: none. */
  readonly publishedOutside: string | undefined;
  readonly run: TriggerFunction;
  /** How many keys a run replaces. */
  readonly keysARun: 1 | 2;
}

export const gateway: TestedGateway = {
  name: "version 1 gateway",
  resourceId: gatewayTarget.resourceId,
  keys: 1,
  waits: false,
  vault: "vault",
  secretName: "adf-gatewaytest-key",
  publishedOutside: undefined,
  run: rotateOnSchedule,
  keysARun: 1,
};

export const runtime: TestedGateway = {
  name: "two-key runtime",
  resourceId: runtimeTarget.resourceId,
  keys: 2,
  waits: true,
  vault: "vault",
  secretName: "adf-sales-warehouse",
  publishedOutside: "authKey1",
  run: rotateOnSchedule,
  keysARun: 1,
};

export const compromisedRuntime: TestedGateway = {
  ...runtime,
  name: "compromised two-key runtime",
  waits: false,
  run: replaceCompromised,
  keysARun: 2,
};

export const testedGateways = [gateway, runtime, compromisedRuntime] as const;
