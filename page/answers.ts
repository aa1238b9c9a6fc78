/** The parts of the routes' answers that the page reads; docs/http.md describes them. Dates are ISO 8601. */

/** Whether the published key works. */
export type KeyWorks = boolean | "unknown";

/** The ids by which Azure's support finds a request. */
export interface RequestIds {
  readonly clientRequestId?: string;
  readonly requestId?: string;
  readonly correlationRequestId?: string;
}

/** A gateway of `GET /api/gateways`. */
export interface Gateway {
  readonly name: string;
  readonly kind: string;
  readonly state: "never-rotated" | "rotating" | "failed" | "overdue" | "rotated";
  readonly keyWorks: KeyWorks;
  /** What a rotation does to those who use the gateway. */
  readonly impact: string;
  readonly nextAction: string | null;
  readonly resourceId: string;
  readonly vaultUrl: string;
  readonly secretName: string;
  readonly secretVersion: string | null;
  readonly rotatedAt: string | null;
  /** The tick that will rotate it; null: none within a year. */
  readonly nextTick: string | null;
  readonly expiresAt: string | null;
  /** Null: its status was not read, or this kind of gateway has none. */
  readonly host: {
    readonly status: string;
    readonly registeredAt: string | null;
    /** Whether the host has registered since the last rotation. */
    readonly sinceRotation: boolean;
  } | null;
  readonly lastFailure:
    | (RequestIds & {
        readonly at: string;
        readonly code: string;
        readonly message: string;
        readonly nextAction: string;
      })
    | null;
}

/** A gateway of a run. */
export interface RunGateway extends RequestIds {
  readonly name: string;
  readonly state: "rotated" | "skipped" | "failed" | "pending";
  readonly keyWorks: KeyWorks;
  readonly nextAction?: string;
  readonly message?: string;
  readonly code?: string;
  readonly secretVersion?: string;
  /** In mode `compromised`: every version that the run made. */
  readonly versions?: readonly { readonly secretVersion: string }[];
}

/** `GET /api/rotations/{runId}`, and the answer to the request that started the run. */
export interface Run {
  readonly state: "running" | "settled";
  /** One sentence that says what is wrong first. */
  readonly summary: string;
  readonly pending: number;
  readonly keysAtRisk: number;
  readonly gateways: readonly RunGateway[];
}

/** The answer to a dry run. */
export interface DryRun {
  readonly gateways: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly would: string;
    readonly message?: string;
    readonly keyWorks: KeyWorks;
    readonly problems: readonly {
      readonly code: string;
      readonly message: string;
      readonly nextAction: string;
    }[];
  }[];
}

/** Why a request was not served: `application/problem+json`, or the page's own words if the answer has none. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  /** What the request did to the keys. */
  readonly effect: "unchanged" | "unknown" | "applied";
  readonly nextAction: string;
  readonly problems?: readonly { readonly path: string; readonly rule: string; readonly remedy: string }[];
}

/** The body of a request to rotate. */
export interface RotationBody {
  readonly gateways: "*" | readonly string[];
  readonly reason: string;
  readonly mode: "standard" | "compromised";
  readonly takeOwnership: boolean;
  readonly confirm?: "*";
}
