export type Trigger = "schedule" | "http" | "resume";

/** One request, by timer or HTTP, to rotate a set of gateways. */
export interface Run {
  readonly id: string;
  readonly trigger: Trigger;
  /** Why, in the words of the caller; `scheduled` for the timer. */
  readonly reason: string;
  readonly requestedBy: string;
  /** `compromised`: the run replaces every slot of a gateway. */
  readonly mode: "standard" | "compromised";
  /** Rotate also what another deployment manages. */
  readonly takeOwnership: boolean;
}
