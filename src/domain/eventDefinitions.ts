import type { RotationEvent } from "./events.ts";

export type EventName = RotationEvent["name"];
export type EventLevel = "information" | "error";

/** Texts that events carry, in the order in which a log line shows them. Queries and alerts refer to these names. */
export const dimensionNames = [
  "rotation.gateway",
  "rotation.kind",
  "rotation.resource-id",
  "rotation.run-id",
  "rotation.trigger",
  "rotation.reason",
  "rotation.requested-by",
  "rotation.rotation-id",
  "rotation.key-name",
  "rotation.vault-url",
  "rotation.secret-name",
  "rotation.secret-version",
  "rotation.fingerprint",
  "rotation.sequence",
  "rotation.due-at",
  "rotation.client-request-id",
  "rotation.request-id",
  "rotation.correlation-request-id",
  "rotation.routing-request-id",
  "rotation.status",
  "rotation.decision",
  "rotation.decision-reason",
  "rotation.effect",
  "rotation.code",
  "rotation.message",
  "rotation.next-action",
  "rotation.earliest-expiry",
] as const satisfies readonly `rotation.${string}`[];

/** Numbers that events carry; those ending in `-ms` are milliseconds. */
export const measurementNames = [
  "rotation.duration-ms",
  "rotation.exposure-ms",
  "rotation.remaining-subscription-writes",
  "rotation.rotated",
  "rotation.skipped",
  "rotation.unsettled",
  "rotation.failed",
  "rotation.gateways",
  "rotation.overdue",
  "rotation.unfinished",
] as const satisfies readonly `rotation.${string}`[];

export type DimensionName = (typeof dimensionNames)[number];
export type MeasurementName = (typeof measurementNames)[number];

const runDimensions = [
  "rotation.run-id",
  "rotation.trigger",
  "rotation.reason",
  "rotation.requested-by",
] as const satisfies readonly DimensionName[];

const gatewayDimensions = [
  "rotation.gateway",
  "rotation.kind",
  "rotation.resource-id",
  "rotation.vault-url",
  "rotation.secret-name",
] as const satisfies readonly DimensionName[];

const rotationDimensions = [
  ...runDimensions,
  ...gatewayDimensions,
  "rotation.rotation-id",
  "rotation.key-name",
  "rotation.client-request-id",
] as const satisfies readonly DimensionName[];

const callDimensions = [
  "rotation.request-id",
  "rotation.correlation-request-id",
  "rotation.routing-request-id",
  "rotation.status",
] as const satisfies readonly DimensionName[];

const callMeasurements = [
  "rotation.duration-ms",
  "rotation.remaining-subscription-writes",
] as const satisfies readonly MeasurementName[];

interface EventDefinition {
  readonly level: EventLevel;
  /** `log`: a JSON line and no more. `customEvents`: the line, and a row in Application Insights. */
  readonly sentTo: "log" | "customEvents";
  readonly dimensions: readonly DimensionName[];
  readonly measurements: readonly MeasurementName[];
}

/** Which dimensions and measurements each event carries; one whose value is unknown is left out of the record. */
export const eventDefinitions = {
  GatewayKeyRotationDecided: {
    level: "information",
    sentTo: "log",
    dimensions: [
      ...runDimensions,
      ...gatewayDimensions,
      "rotation.decision",
      "rotation.decision-reason",
      "rotation.message",
    ],
    measurements: [],
  },
  GatewayKeyRegenerating: {
    level: "information",
    sentTo: "log",
    dimensions: rotationDimensions,
    measurements: [],
  },
  GatewayKeyRotated: {
    level: "information",
    sentTo: "customEvents",
    dimensions: [
      ...rotationDimensions,
      ...callDimensions,
      "rotation.secret-version",
      "rotation.fingerprint",
      "rotation.sequence",
      "rotation.due-at",
      "rotation.effect",
    ],
    measurements: [...callMeasurements, "rotation.exposure-ms"],
  },
  GatewayKeyRotationFailed: {
    level: "error",
    sentTo: "customEvents",
    dimensions: [
      ...rotationDimensions,
      ...callDimensions,
      "rotation.effect",
      "rotation.code",
      "rotation.message",
      "rotation.next-action",
    ],
    measurements: callMeasurements,
  },
  RotationRunCompleted: {
    level: "information",
    sentTo: "customEvents",
    dimensions: runDimensions,
    measurements: [
      "rotation.duration-ms",
      "rotation.rotated",
      "rotation.skipped",
      "rotation.unsettled",
      "rotation.failed",
    ],
  },
  RotationHeartbeat: {
    level: "information",
    sentTo: "customEvents",
    dimensions: ["rotation.earliest-expiry"],
    measurements: ["rotation.gateways", "rotation.overdue", "rotation.unfinished"],
  },
} as const satisfies Record<EventName, EventDefinition>;

export const eventNames = [
  "GatewayKeyRotationDecided",
  "GatewayKeyRegenerating",
  "GatewayKeyRotated",
  "GatewayKeyRotationFailed",
  "RotationRunCompleted",
  "RotationHeartbeat",
] as const satisfies readonly EventName[];
