import { gatewayTarget, runtimeTarget } from "../support/gateways.ts";
import { replaceCompromised, rotateOnSchedule, type Trigger } from "./triggerFunctions.ts";

/** What is rotated in a case, and how. */
export interface Subject {
  readonly name: string;
  readonly resourceId: string;
  readonly keys: 1 | 2;
  /**
   * Whether it waits after an unknown outcome until nothing can land any more, and what is published works at every
   * moment: with two keys, except in an emergency.
   */
  readonly patient: boolean;
  /** The simulator's name for the vault. */
  readonly vault: string;
  readonly secretName: string;
  /** The slot whose key people have published by hand before the first run; undefined: none. */
  readonly publishedByHand: string | undefined;
  readonly run: Trigger;
  /** How many keys a run replaces. */
  readonly keysARun: 1 | 2;
}

export const gateway: Subject = {
  name: "version 1 gateway",
  resourceId: gatewayTarget.resourceId,
  keys: 1,
  patient: false,
  vault: "vault",
  secretName: "adf-gatewaytest-key",
  publishedByHand: undefined,
  run: rotateOnSchedule,
  keysARun: 1,
};

export const runtime: Subject = {
  name: "two-key runtime",
  resourceId: runtimeTarget.resourceId,
  keys: 2,
  patient: true,
  vault: "vault",
  secretName: "adf-sales-warehouse",
  publishedByHand: "authKey1",
  run: rotateOnSchedule,
  keysARun: 1,
};

export const compromisedRuntime: Subject = {
  ...runtime,
  name: "compromised two-key runtime",
  patient: false,
  run: replaceCompromised,
  keysARun: 2,
};

export const subjects = [gateway, runtime, compromisedRuntime] as const;
