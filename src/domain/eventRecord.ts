import {
  type EventData,
  type EventDefinition,
  type EventName,
  type RotationEvent,
  rotationEvents,
} from "./rotationEvents.ts";

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
