import type { CallCode, CallProblem } from "../../../src/domain/attempt.ts";
import { redact } from "../../../src/domain/redacted.ts";
import { type RotationEvent, toEventRecord } from "../../../src/domain/rotationEvents.ts";
import { type Gateway, hostAction } from "../../../src/domain/target.ts";
import { emptyJournal } from "../../../src/journal/journal.ts";
import { failure } from "../../../src/rotation/failures.ts";
import { keyAfter, type ReadState } from "../../../src/rotation/keyState.ts";
import { compared, type FailedRotation, type KnownStep } from "../../../src/rotation/outcome.ts";
import { samples } from "../../domain/eventSamples.ts";
import { gateway, runtime } from "../../support/gateways.ts";
import type { Row } from "../kql/evaluate.ts";

/** A row of Application Insights, and when a query can see it. */
export interface Arrival {
  readonly table: "customEvents" | "requests";
  readonly at: Date;
  readonly row: Row;
  /** In milliseconds since 1970. */
  readonly arrivesAt: number;
}

/** The moment at which all alerts are evaluated. */
export const now = new Date("2026-03-10T12:00:00Z");

const minuteMs = 60_000;
export const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 60 * minuteMs);
const inDays = (days: number): Date => hoursAgo(-24 * days);

/** How long rows usually take, in minutes. */
const usualDelay = 2;

interface Circumstances {
  /** Of the invocation that sent it; the rows of one invocation share it. */
  readonly operation?: string;
  /** How late the row arrives, in minutes. */
  readonly delay?: number;
}

function event(
  data: RotationEvent,
  at: Date,
  { operation = "", delay = usualDelay }: Circumstances,
): Arrival {
  const { name, dimensions, measurements } = toEventRecord(data);
  const row = {
    timestamp: at,
    name,
    customDimensions: dimensions,
    customMeasurements: measurements,
    operation_Id: operation,
  };
  return { table: "customEvents", at, row, arrivesAt: at.getTime() + delay * minuteMs };
}

interface Invocation extends Circumstances {
  readonly of: "rotateOnSchedule" | "resumeRotations" | "requestRotation";
  readonly succeeded: boolean;
  readonly seconds?: number;
}

/** The host's own record of an invocation. `at` is its begin; it is sent at its end. */
export function invocation(
  at: Date,
  { of, succeeded, seconds = 5, operation = "", delay = usualDelay }: Invocation,
): Arrival {
  const row = {
    timestamp: at,
    name: of,
    success: succeeded ? "True" : "False",
    duration: seconds * 1000,
    customDimensions: {},
    operation_Id: operation,
  };
  return { table: "requests", at, row, arrivesAt: at.getTime() + seconds * 1000 + delay * minuteMs };
}

const numbered = (gateway: Gateway, number: number): Gateway => ({
  ...gateway,
  name: `${gateway.name}-${number}`,
  secret: { ...gateway.secret, secretName: `${gateway.secret.secretName}-${number}` },
});
export const oneKey = (number = 1): Gateway => numbered(gateway(), number);
export const twoKeys = (number = 1): Gateway => numbered(runtime(), number);

/** A failure as `rotateAll` gets it. */
type Failure = FailedRotation & Pick<KnownStep, "key">;

/** The gateway was rotated before, and the vault shows the committed version. */
const rotatedBefore = (of: Gateway): ReadState => {
  const version = "committed";
  const { slot, trace } = attempt(of);
  const commit = { version, slot, clientRequestId: trace.clientRequestId, sequence: 1, at: 0 };
  const secret = { version, createdOn: new Date(0), tags: {}, ownedByCertificate: false };
  return {
    journal: { ...emptyJournal(of), commit },
    latest: { kind: "enabled", secret, key: redact("a key") },
  };
};

/** Adds the state of the published key, as the engine does. */
const known = (failed: FailedRotation, read = rotatedBefore(failed.gateway)): Failure => ({
  ...failed,
  key: keyAfter(failed, read),
});

const refused = (of: Gateway): FailedRotation => ({
  ...failure("regenerateRefused", of, problem("forbidden")),
  ...attempt(of),
});
const timedOut = (of: Gateway): FailedRotation => ({
  ...failure("regenerateUnknown", of, problem("timed-out")),
  ...attempt(of),
});

/** What the engine says when the vault, storage or Resource Manager answers so. */
export const failures = {
  refused: (of: Gateway) => known(refused(of)),
  refusedFirst: (of: Gateway) => known(refused(of), { journal: emptyJournal(of), latest: { kind: "none" } }),
  timedOut: (of: Gateway) => known(timedOut(of)),
  unstored: (of: Gateway) => known({ ...failure("keyUnstored", of, problem("forbidden")), ...attempt(of) }),
  vaultDown: (of: Gateway) =>
    known(failure("vaultUnreadable", of, problem("server-error")), {
      ...rotatedBefore(of),
      latest: undefined,
    }),
  storageDown: (of: Gateway) => ({
    ...failure("storageUnusable", of, problem("server-error")),
    key: undefined,
  }),
  softDeleted: (of: Gateway) =>
    known(failure("secretSoftDeleted", of), { ...rotatedBefore(of), latest: { kind: "none" } }),
  /** A comparison has found that the service does not have the published key. */
  deadAndRefused: (of: Gateway) => known(compared(refused(of), true)),
  deadAndTimedOut: (of: Gateway) => known(compared(timedOut(of), true)),
} as const satisfies Record<string, (of: Gateway) => Failure>;

const attempt = (of: Gateway) =>
  ({
    rotationId: "rotation-1",
    slot: of.target.kind === "gatewayV1" ? "key" : "authKey2",
    trace: samples.GatewayKeyRotationFailed.trace,
  }) as const;
const problem = (code: CallCode): CallProblem => ({
  code,
  message: `The service answered: ${code}.`,
  transient: false,
});

const { run } = samples.GatewayKeyRotated;

/** The event of a failure, as `rotateAll` emits it. */
export const failed = (failure: Failure, at: Date, circumstances: Circumstances = {}): Arrival =>
  event(
    { ...failure, keyWorks: failure.key?.works ?? "unknown", name: "GatewayKeyRotationFailed", run },
    at,
    circumstances,
  );

export const rotated = (of: Gateway, at: Date, circumstances: Circumstances = {}): Arrival =>
  event({ ...samples.GatewayKeyRotated, gateway: of }, at, circumstances);

/** A tick of resumeRotations that read the status of a gateway's host, an hour apart. */
export const hosts = (
  of: Gateway,
  ats: readonly Date[],
  sinceRotation: boolean | undefined,
): readonly Arrival[] =>
  ats.map((at) =>
    event(
      {
        ...samples.GatewayHostSeen,
        gateway: of,
        sinceRotation,
        status: sinceRotation === undefined ? "unknown" : sinceRotation ? "Online" : "NeedRegistration",
        nextAction: sinceRotation === false ? hostAction(of) : undefined,
      },
      at,
      {},
    ),
  );

interface Beats extends Circumstances {
  /** In hours ago. */
  readonly from: number;
  readonly to?: number;
  readonly overdue?: number;
  /** In days from now. */
  readonly expiry?: number;
}

/** A tick of resumeRotations every five minutes, with its heartbeat. */
export function heartbeats({
  from,
  to = 0,
  overdue = 0,
  expiry,
  ...circumstances
}: Beats): readonly Arrival[] {
  const earliestExpiry = expiry === undefined ? undefined : inDays(expiry);
  return Array.from({ length: Math.round(((from - to) * 60) / 5) }, (_, tick) => {
    const at = new Date(hoursAgo(from).getTime() + tick * 5 * minuteMs);
    const operation = `resume-${at.toISOString()}`;
    return [
      event({ ...samples.RotationHeartbeat, gateways: 300, overdue, earliestExpiry }, at, {
        operation,
        ...circumstances,
      }),
      invocation(at, { of: "resumeRotations", succeeded: true, operation, ...circumstances }),
    ];
  }).flat();
}

/** A tick of rotateOnSchedule, and what it reports. */
export function scheduledRun(
  at: Date,
  outcomes: readonly (Failure | Gateway)[],
  circumstances: Circumstances = {},
): readonly Arrival[] {
  const operation = circumstances.operation ?? `schedule-${at.toISOString()}`;
  const during = new Date(at.getTime() + 2000);
  const isFailure = (outcome: Failure | Gateway): outcome is Failure => "effect" in outcome;
  const reported = outcomes.map((outcome) =>
    isFailure(outcome)
      ? failed(outcome, during, { operation, ...circumstances })
      : rotated(outcome, during, { operation, ...circumstances }),
  );
  return [
    ...reported,
    invocation(at, { of: "rotateOnSchedule", succeeded: !outcomes.some(isFailure), operation }),
  ];
}
