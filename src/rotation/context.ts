import type { LatestVersion } from "../domain/secretStore.ts";
import type { Gateway } from "../domain/target.ts";
import type { HeldJournal, Journals } from "../journal/journals.ts";
import type { RotationOutcome } from "./outcome.ts";
import type { Preflight } from "./preflight.ts";
import type { Pace, RotationServices } from "./services.ts";
import type { RunTerms } from "./terms.ts";

/** What a run gives to one gateway, to share with the others. */
export interface Turn {
  readonly journals: Journals;
  readonly preflight: Preflight;
  readonly pace: Pace;
  /** The gateway is settled in this run: at most its verification is due. */
  readonly isSettled: boolean;
  /** The client request id of the rotation that the run has reported last; undefined: it has reported none. */
  readonly reported: string | undefined;
  /** Called when the gateway's key waits for a vault that refuses it: another gateway may take its place meanwhile. */
  yield(): void;
}

/** All that one gateway's steps need. */
export interface Context extends Turn {
  readonly services: RotationServices;
  readonly gateway: Gateway;
  readonly terms: RunTerms;
}

/** A gateway's state as it was read last: its journal, and the latest version of its secret. */
export interface CurrentState {
  readonly held: HeldJournal;
  readonly latest: LatestVersion;
}

/** The outcome of one step; undefined: the gateway's state is read again, for the next step. */
export type StepOutcome = RotationOutcome | undefined;
