import type { CallTrace } from "./attempt.ts";
import {
  type DimensionName,
  dimensionNames,
  type EventLevel,
  type EventName,
  eventDefinitions,
  type MeasurementName,
  measurementNames,
} from "./eventDefinitions.ts";
import type { RotationEvent, Run } from "./events.ts";
import type { Gateway, KeySlot } from "./target.ts";

/** An event in the flat form in which it is logged and sent; what is not known of it is left out. */
export interface EventRecord {
  readonly name: EventName;
  readonly level: EventLevel;
  readonly dimensions: Readonly<Partial<Record<DimensionName, string>>>;
  readonly measurements: Readonly<Partial<Record<MeasurementName, number>>>;
}

/** Flattens an event; the order of names is that of the tables in eventDefinitions.ts, whatever the event. */
export function toEventRecord(event: RotationEvent): EventRecord {
  const values: Partial<EventValues> = valuesOf(event);
  const dimensions: Partial<Record<DimensionName, string>> = {};
  for (const name of dimensionNames) {
    const value = values[name];
    if (value !== undefined) dimensions[name] = value;
  }
  const measurements: Partial<Record<MeasurementName, number>> = {};
  for (const name of measurementNames) {
    const value = values[name];
    if (value !== undefined) measurements[name] = value;
  }
  return { name: event.name, level: eventDefinitions[event.name].level, dimensions, measurements };
}

/** The record as one line of JSON, `event` first, numbers as numbers. */
export function toLogLine(record: EventRecord): string {
  const { name, level, dimensions, measurements } = record;
  const json = JSON.stringify({ event: name, level, ...dimensions, ...measurements });
  return json.replace(lineBreaksThatJsonAllows, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A reason is free text: nobody may begin a log line of their own with it. */
const lineBreaksThatJsonAllows = /[\u007f-\u009f\u2028\u2029]/g;

type EventValues = Record<DimensionName, string | undefined> & Record<MeasurementName, number | undefined>;

/** What the table says that the event carries: an event that leaves one of them out does not compile. */
type ValuesOf<Name extends EventName> = Pick<
  EventValues,
  | (typeof eventDefinitions)[Name]["dimensions"][number]
  | (typeof eventDefinitions)[Name]["measurements"][number]
>;

function valuesOf(event: RotationEvent) {
  switch (event.name) {
    case "GatewayKeyRotationDecided":
      return {
        ...runValues(event.run),
        ...gatewayValues(event.gateway),
        "rotation.decision": event.decision,
        "rotation.decision-reason": event.decisionReason,
        "rotation.message": event.message,
      } satisfies ValuesOf<"GatewayKeyRotationDecided">;
    case "GatewayKeyRegenerating":
      return {
        ...runValues(event.run),
        ...gatewayValues(event.gateway),
        ...attemptValues(event.rotationId, event.slot, event.clientRequestId),
      } satisfies ValuesOf<"GatewayKeyRegenerating">;
    case "GatewayKeyRotated":
      return {
        ...runValues(event.run),
        ...gatewayValues(event.gateway),
        ...attemptValues(event.rotationId, event.slot, event.trace.clientRequestId),
        ...callValues(event.trace),
        "rotation.secret-version": event.secretVersion,
        "rotation.fingerprint": event.fingerprint,
        "rotation.sequence": String(event.sequence),
        "rotation.due-at": event.dueAt?.toISOString(),
        "rotation.effect": "applied",
        "rotation.exposure-ms": event.exposureMs,
      } satisfies ValuesOf<"GatewayKeyRotated">;
    case "GatewayKeyRotationFailed":
      return {
        ...runValues(event.run),
        ...gatewayValues(event.gateway),
        ...attemptValues(event.rotationId, event.slot, event.trace?.clientRequestId),
        ...callValues(event.trace),
        "rotation.effect": event.effect,
        "rotation.code": event.code,
        "rotation.message": event.message,
        "rotation.next-action": event.nextAction,
      } satisfies ValuesOf<"GatewayKeyRotationFailed">;
    case "RotationRunCompleted":
      return {
        ...runValues(event.run),
        "rotation.duration-ms": event.durationMs,
        "rotation.rotated": event.rotated,
        "rotation.skipped": event.skipped,
        "rotation.unsettled": event.unsettled,
        "rotation.failed": event.failed,
      } satisfies ValuesOf<"RotationRunCompleted">;
    case "RotationHeartbeat":
      return {
        "rotation.earliest-expiry": event.earliestExpiry?.toISOString(),
        "rotation.gateways": event.gateways,
        "rotation.overdue": event.overdue,
        "rotation.unfinished": event.unfinished,
      } satisfies ValuesOf<"RotationHeartbeat">;
  }
}

function runValues(run: Run) {
  return {
    "rotation.run-id": run.id,
    "rotation.trigger": run.trigger,
    "rotation.reason": run.reason,
    "rotation.requested-by": run.requestedBy,
  };
}

function gatewayValues({ name, target, secret }: Gateway) {
  return {
    "rotation.gateway": name,
    "rotation.kind": target.kind,
    "rotation.resource-id": target.resourceId,
    "rotation.vault-url": secret.vaultUrl,
    "rotation.secret-name": secret.secretName,
  };
}

function attemptValues(
  rotationId: string | undefined,
  slot: KeySlot | undefined,
  clientRequestId: string | undefined,
) {
  return {
    "rotation.rotation-id": rotationId,
    "rotation.key-name": slot,
    "rotation.client-request-id": clientRequestId,
  };
}

function callValues(trace: CallTrace | undefined) {
  return {
    "rotation.request-id": trace?.requestId,
    "rotation.correlation-request-id": trace?.correlationRequestId,
    "rotation.routing-request-id": trace?.routingRequestId,
    "rotation.status": trace?.status?.toString(),
    "rotation.duration-ms": trace?.durationMs,
    "rotation.remaining-subscription-writes": trace?.remainingSubscriptionWrites,
  };
}
