/** One request, by timer or HTTP, to rotate a set of gateways. */
export interface Run {
  readonly id: string;
  readonly trigger: "schedule" | "http" | "resume";
  /** The caller's reason; `scheduled` for the timer. */
  readonly reason: string;
  readonly requestedBy: string;
  /** `compromised`: the run replaces every slot of a gateway. */
  readonly mode: "standard" | "compromised";
  /** Also rotate gateways that another deployment manages. */
  readonly takeOwnership: boolean;
  /** The tick comes more than an hour late: the host makes up for it at its start. */
  readonly isLate?: boolean | undefined;
}
