import type { CallTrace, ClientRequestId } from "../../src/domain/attempt.ts";
import type { EventName, RotationEvent } from "../../src/domain/rotationEvents.ts";
import { gateway as configured } from "../support/gateways.ts";
import { versionFacts } from "../support/versionFacts.ts";

const { run } = versionFacts;
const gateway = configured();

const trace: CallTrace = {
  clientRequestId: "0f8fad5b-d9cb-469f-a165-70867728950e" as ClientRequestId,
  requestId: "request-1",
  correlationRequestId: "correlation-1",
  routingRequestId: "WESTEUROPE:20260101T000000Z:correlation-1",
  remainingSubscriptionWrites: 199,
  status: 200,
  durationMs: 1234.5,
};

/** Events with a value for each of their fields. */
export const samples = {
  GatewayKeyRotationDecided: {
    name: "GatewayKeyRotationDecided",
    run,
    gateway,
    decision: "rotate",
    decisionReason: "due",
    message: "Last rotated 30 days ago: due.",
  },
  GatewayKeyRegenerating: {
    name: "GatewayKeyRegenerating",
    run,
    gateway,
    rotationId: "rotation-1",
    slot: "key",
    clientRequestId: trace.clientRequestId,
  },
  GatewayKeyRotated: {
    name: "GatewayKeyRotated",
    run,
    gateway,
    rotationId: "rotation-1",
    slot: "key",
    trace,
    secretVersion: "0123456789abcdef0123456789abcdef",
    fingerprint: "9f86d081884c",
    sequence: 7,
    exposureMs: 321,
    isCommitted: true,
    dueAt: new Date("2026-02-01T12:00:00Z"),
  },
  GatewayKeyRotationFailed: {
    name: "GatewayKeyRotationFailed",
    run,
    gateway,
    rotationId: "rotation-1",
    slot: "key",
    trace: { ...trace, status: 404 },
    code: "not-found",
    effect: "unchanged",
    keyWorks: true,
    message: "Resource Manager does not know the gateway gatewaytest.",
    nextAction: "Correct the resource id in gateways.json.",
  },
  GatewayHostSeen: {
    name: "GatewayHostSeen",
    gateway,
    status: "NeedRegistration",
    registeredAt: new Date("2026-01-01T12:00:00Z"),
    sinceRotation: false,
    message: "Resource Manager answered 503.",
    nextAction: "Give the new key to the gateway's host.",
  },
  RotationRunCompleted: {
    name: "RotationRunCompleted",
    run,
    rotated: 3,
    skipped: 0,
    failed: 1,
    durationMs: 4567,
  },
  RotationHeartbeat: {
    name: "RotationHeartbeat",
    gateways: 4,
    overdue: 0,
    unfinished: 1,
    earliestExpiry: new Date("2026-03-01T12:00:00Z"),
  },
} as const satisfies { readonly [Name in EventName]?: RotationEvent<Name> };

export type SampleName = keyof typeof samples;
