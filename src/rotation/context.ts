import type { LatestVersion } from "../domain/secretStore.ts";
import type { Gateway } from "../domain/target.ts";
import type { HeldJournal, Journals } from "../journal/journals.ts";
import type { RotationOutcome } from "./outcome.ts";
import type { Preflight } from "./preflight.ts";
import type { Pace, RotationServices, RunTerms } from "./services.ts";

/** What a gateway shares with the others of its run. */
export interface Turn {
  readonly journals: Journals;
  readonly preflight: Preflight;
  readonly pace: Pace;
  /** Its part of the run has ended before, and no more than a check is owed. */
  readonly isSettled: boolean;
  /** Its key waits for a vault that refuses it: somebody else may go on meanwhile. */
  yield(): void;
}

/** All that one gateway's steps need. */
export interface Context extends Turn {
  readonly services: RotationServices;
  readonly gateway: Gateway;
  readonly terms: RunTerms;
}

/** A gateway as it was read: its journal, and the latest version of its secret. */
export interface CurrentState {
  readonly held: HeldJournal;
  readonly latest: LatestVersion;
}

/** What one step comes to; undefined: the gateway is read again. */
export type StepOutcome = RotationOutcome | undefined;
