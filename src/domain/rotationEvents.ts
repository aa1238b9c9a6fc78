import type { Attempt, Effect, KeyWorks, Rotated } from "./attempt.ts";
import type { Gateway, KeySlot, Run } from "./target.ts";

/**
 * One field of an event's record. A text or a time becomes a dimension, a count or a duration becomes a measurement.
 * Where the value is undefined, the record leaves the field out.
 */
export interface EventField<Data> {
  readonly type: "text" | "time" | "count" | "milliseconds";
  readonly of: (data: Data) => string | Date | number | undefined;
}

const fieldOf =
  <Value extends string | Date | number>(type: EventField<never>["type"]) =>
  <Data>(of: (data: Data) => Value | undefined): EventField<Data> => ({ type, of });

const text = fieldOf<string>("text");
const time = fieldOf<Date>("time");
const count = fieldOf<number>("count");
const milliseconds = fieldOf<number>("milliseconds");

/** The names of fields, by which alerts, the workbook and docs/ refer to them, in the order of a log line. */
type EventFields<Data> = Readonly<Record<`rotation.${string}`, EventField<Data>>>;

interface EventDefinition<Data> {
  /** `log`: a JSON line and no more. `customEvents`: the line, and a row in Application Insights. */
  readonly sentTo: "log" | "customEvents";
  readonly fields: EventFields<Data>;
  readonly level: "information" | "error";
}

const event = <Data>(
  sentTo: "log" | "customEvents",
  fields: EventFields<Data>,
  level: "information" | "error" = "information",
): EventDefinition<Data> => ({ sentTo, fields, level });

interface OfRun {
  readonly run: Run;
}

const runFields = {
  "rotation.run-id": text<OfRun>(({ run }) => run.id),
  "rotation.trigger": text<OfRun>(({ run }) => run.trigger),
  "rotation.reason": text<OfRun>(({ run }) => run.reason),
  "rotation.requested-by": text<OfRun>(({ run }) => run.requestedBy),
};

interface OfTarget {
  readonly gateway: Gateway;
}

const targetFields = {
  "rotation.gateway": text<OfTarget>(({ gateway }) => gateway.name),
  "rotation.kind": text<OfTarget>(({ gateway }) => gateway.target.kind),
  "rotation.resource-id": text<OfTarget>(({ gateway }) => gateway.target.resourceId),
  "rotation.vault-url": text<OfTarget>(({ gateway }) => gateway.secret.vaultUrl),
  "rotation.secret-name": text<OfTarget>(({ gateway }) => gateway.secret.secretName),
};

/** A failure may occur before there is a rotation or a request. */
interface OfRotation extends OfTarget, OfRun, Partial<Attempt> {}

const rotationFields = {
  ...targetFields,
  ...runFields,
  "rotation.rotation-id": text<OfRotation>(({ rotationId }) => rotationId),
  "rotation.key-name": text<OfRotation>(({ slot }) => slot),
};

const callFields = {
  ...rotationFields,
  "rotation.client-request-id": text<OfRotation>(({ trace }) => trace?.clientRequestId),
  "rotation.request-id": text<OfRotation>(({ trace }) => trace?.requestId),
  "rotation.correlation-request-id": text<OfRotation>(({ trace }) => trace?.correlationRequestId),
  "rotation.routing-request-id": text<OfRotation>(({ trace }) => trace?.routingRequestId),
  "rotation.status": text<OfRotation>(({ trace }) => trace?.status?.toString()),
  "rotation.duration-ms": milliseconds<OfRotation>(({ trace }) => trace?.durationMs),
  "rotation.remaining-subscription-writes": count<OfRotation>(
    ({ trace }) => trace?.remainingSubscriptionWrites,
  ),
};

/**
 * Every event. To add one, add an entry here: the type argument is what the emitter passes, and each field takes its
 * value from that. The type {@link RotationEvent}, the record, the log line, the row in Application Insights and the
 * test of infra/queries/ follow from the entry. No entry may take a key.
 */
export const rotationEvents = {
  /** The decision about a gateway, and its reason. */
  GatewayKeyRotationDecided: event<
    OfTarget &
      OfRun & {
        /** The kind of the next step, such as `rotate`. */
        readonly decision: string;
        /** The rule that decided, in kebab-case. */
        readonly decisionReason: string;
        readonly message: string;
      }
  >("log", {
    ...targetFields,
    ...runFields,
    "rotation.decision": text(({ decision }) => decision),
    "rotation.decision-reason": text(({ decisionReason }) => decisionReason),
    "rotation.message": text(({ message }) => message),
  }),

  /** Logged before the request is sent, so that the attempt can be traced even if the process dies. */
  GatewayKeyRegenerating: event<
    OfRotation & { readonly rotationId: string; readonly slot: KeySlot; readonly clientRequestId: string }
  >("log", {
    ...rotationFields,
    "rotation.client-request-id": text(({ clientRequestId }) => clientRequestId),
  }),

  GatewayKeyRotated: event<OfTarget & OfRun & Rotated>("customEvents", {
    ...callFields,
    "rotation.secret-version": text(({ secretVersion }) => secretVersion),
    "rotation.fingerprint": text(({ fingerprint }) => fingerprint),
    "rotation.sequence": text(({ sequence }) => sequence.toString()),
    "rotation.due-at": time(({ dueAt }) => dueAt),
    "rotation.commit": text(({ isCommitted }) => (isCommitted ? "written" : "pending")),
    "rotation.effect": text(() => "applied"),
    "rotation.exposure-ms": milliseconds(({ exposureMs }) => exposureMs),
  }),

  GatewayKeyRotationFailed: event<
    OfRotation & {
      readonly code: string;
      readonly effect: Effect;
      readonly keyWorks: KeyWorks;
      readonly message: string;
      readonly nextAction: string;
    }
  >(
    "customEvents",
    {
      ...callFields,
      "rotation.effect": text(({ effect }) => effect),
      "rotation.key-works": text(({ keyWorks }) => String(keyWorks)),
      "rotation.code": text(({ code }) => code),
      "rotation.message": text(({ message }) => message),
      "rotation.next-action": text(({ nextAction }) => nextAction),
    },
    "error",
  ),

  /** The host of a one-key gateway, after a rotation: hourly until it has registered with the new key, for two days. */
  GatewayHostSeen: event<
    OfTarget & {
      /** The service's own word; `unknown`: it could not be read. */
      readonly status: string;
      readonly registeredAt: Date | undefined;
      /** Whether it has registered since the last rotation; undefined: the status could not be read. */
      readonly sinceRotation: boolean | undefined;
      /** Why the status could not be read. */
      readonly message: string | undefined;
      /** What the gateway's operators do; undefined: nothing, as far as is known. */
      readonly nextAction: string | undefined;
    }
  >("customEvents", {
    ...targetFields,
    "rotation.host-status": text(({ status }) => status),
    "rotation.host-registered-at": time(({ registeredAt }) => registeredAt),
    "rotation.host-seen": text(({ sinceRotation }) =>
      sinceRotation === undefined ? undefined : sinceRotation ? "yes" : "no",
    ),
    "rotation.message": text(({ message }) => message),
    "rotation.next-action": text(({ nextAction }) => nextAction),
  }),

  /** Once for each run, when every gateway is settled; its counts are of all drives. */
  RotationRunCompleted: event<
    OfRun & {
      readonly rotated: number;
      readonly skipped: number;
      readonly failed: number;
      /** Since the run was created. */
      readonly durationMs: number;
    }
  >("customEvents", {
    ...runFields,
    "rotation.duration-ms": milliseconds(({ durationMs }) => durationMs),
    "rotation.rotated": count(({ rotated }) => rotated),
    "rotation.skipped": count(({ skipped }) => skipped),
    "rotation.failed": count(({ failed }) => failed),
  }),

  /** Sent with every resume tick. Its absence shows that the function app does not work. */
  RotationHeartbeat: event<{
    /** How many are configured; if the configuration is broken, how many have a journal. */
    readonly gateways: number;
    /** How many were never rotated, or should have been rotated by a tick that has passed. */
    readonly overdue: number;
    /** How many have an open rotation. */
    readonly unfinished: number;
    /** When the first published key expires; undefined if no version has an expiry. */
    readonly earliestExpiry?: Date | undefined;
  }>("customEvents", {
    "rotation.earliest-expiry": time(({ earliestExpiry }) => earliestExpiry),
    "rotation.gateways": count(({ gateways }) => gateways),
    "rotation.overdue": count(({ overdue }) => overdue),
    "rotation.unfinished": count(({ unfinished }) => unfinished),
  }),
};

export type EventName = keyof typeof rotationEvents;

/** What the emitter of each event passes. */
export type EventData = {
  readonly [Name in EventName]: (typeof rotationEvents)[Name] extends EventDefinition<infer Data>
    ? Data
    : never;
};

/** Something that happened, for the log and for Application Insights. */
export type RotationEvent<Name extends EventName = EventName> = {
  readonly [N in Name]: { readonly name: N } & EventData[N];
}[Name];

/** Takes events. Emitting never throws and never waits: telemetry must not stop a rotation. */
export interface EventSink {
  emit(event: RotationEvent): void;
}

/** An event in the flat form in which it is logged and sent. It lacks the fields whose values are unknown. */
export interface EventRecord {
  readonly name: EventName;
  readonly level: EventDefinition<never>["level"];
  readonly dimensions: Readonly<Record<string, string>>;
  readonly measurements: Readonly<Record<string, number>>;
}

/** With this type TypeScript knows that an event's definition takes that event's data. */
const definitions: { readonly [Name in EventName]: EventDefinition<EventData[Name]> } = rotationEvents;

/** Makes the record of an event by its entry in `rotationEvents`. Times are in ISO 8601. */
export function toEventRecord<Name extends EventName>(event: RotationEvent<Name>): EventRecord {
  const { level, fields } = definitions[event.name];
  const dimensions: Record<string, string> = {};
  const measurements: Record<string, number> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = field.of(event);
    if (value === undefined) continue;
    if (typeof value === "number") measurements[name] = value;
    else dimensions[name] = typeof value === "string" ? value : value.toISOString();
  }
  return { name: event.name, level, dimensions, measurements };
}

/** The record as one line of JSON: `event`, level, dimensions, then measurements as numbers. */
export function toLogLine(record: EventRecord): string {
  const { name, level, dimensions, measurements } = record;
  const json = JSON.stringify({ event: name, level, ...dimensions, ...measurements });
  return json.replace(lineBreaksThatJsonAllows, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A reason is free text: it must not begin a log line of its own. */
const lineBreaksThatJsonAllows = /[\u007f-\u009f\u2028\u2029]/g;
