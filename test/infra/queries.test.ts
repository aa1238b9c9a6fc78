import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  type EventField,
  type EventName,
  rotationEvents,
  toLogLine,
} from "../../src/domain/rotationEvents.ts";
import { infra } from "./folder.ts";
import { parseKql } from "./kql/parse.ts";
import { type BagRead, type QueryReads, readQueries, readQuery } from "./kql/queries.ts";

const queries = [...(await readQueries())].map(([file, kql]) => ({ file, kql, reads: readQuery(kql) }));
const isEventName = (name: string): name is EventName => name in rotationEvents;
const eventNames = Object.keys(rotationEvents).filter(isEventName);

/** The events that a query reads: those that it names, otherwise all. */
const eventsOf = ({ names }: QueryReads): readonly EventName[] => {
  const named = names.map(({ name }) => name).filter(isEventName);
  return named.length > 0 && names.every(({ table }) => table !== "traces") ? named : eventNames;
};

type FieldType = EventField<never>["type"];

/** What each bag of a row holds; a log line holds everything. */
const heldIn: Readonly<Record<string, readonly FieldType[]>> = {
  customDimensions: ["text", "time"],
  customMeasurements: ["count", "milliseconds"],
  details: ["text", "time", "count", "milliseconds"],
};

/** The types in which these events send what the query reads; none if no event carries it in that bag. */
function sentAs(events: readonly EventName[], { bag, key }: BagRead): readonly FieldType[] {
  const fields = events.flatMap((name) => Object.entries(rotationEvents[name].fields));
  return fields
    .filter(([name, { type }]) => name === key && heldIn[bag]?.includes(type))
    .map(([, { type }]) => type);
}

const holds: Readonly<Record<string, readonly FieldType[]>> = {
  tostring: ["text", "time"],
  todatetime: ["time"],
  tolong: ["count"],
  todouble: ["count", "milliseconds"],
};

describe.each(queries)("$file", ({ kql, reads }) => {
  const ours = reads.bags.filter(({ key }) => key.startsWith("rotation."));

  test("Microsoft's parser → objects to no name and no type in it", () => {
    expect(parseKql(kql).problems).toEqual([]);
  });

  test("each value that it reads → is in that bag of an event that it reads", () => {
    const events = eventsOf(reads);
    expect(ours.filter((read) => sentAs(events, read).length === 0)).toEqual([]);
  });

  test("each value that it reads → is converted to the type that the event sends", () => {
    const wrong = ours.filter((read) => {
      const fitting = holds[read.conversion ?? ""] ?? [];
      return !sentAs(eventNames, read).every((type) => fitting.includes(type));
    });
    expect(wrong).toEqual([]);
  });

  test("each rotation.* name in it → is a key of a bag, so the tests above cover it", () => {
    expect(kql.match(/rotation\.[\w-]+/g) ?? []).toEqual(ours.map(({ key }) => key));
  });

  test("each event that it names → is sent to the table that it reads", () => {
    const wrong = reads.names.filter(({ table, name }) => {
      if (table === "requests") return false;
      if (!isEventName(name)) return true;
      return (rotationEvents[name].sentTo === "customEvents") !== (table === "customEvents");
    });
    expect(wrong).toEqual([]);
  });

  test("each function that it names → is registered under that name", async () => {
    for (const { table, name } of reads.names) {
      if (table !== "requests") continue;
      const file = path.join(infra, "..", "functions", `${name}.ts`);
      expect(await readFile(file, "utf8")).toContain(`app.timer("${name}"`);
    }
  });
});

const story = queries.find(({ file }) => file === "workbook/story");

test("an event that is only logged → the query that reads log lines finds it", () => {
  const beginning = story?.reads.strings.find((text) => text.startsWith('{"'));
  const logOnly = eventNames.filter((name) => rotationEvents[name].sentTo === "log");
  expect(logOnly.length).toBeGreaterThan(0);
  for (const name of logOnly) {
    const { level } = rotationEvents[name];
    const line = toLogLine({ name, level, dimensions: {}, measurements: {} });
    expect(line.startsWith(beginning ?? "?")).toBe(true);
  }
  expect(story?.reads.names.map(({ name }) => name).sort()).toEqual(logOnly.sort());
});

test("a misspelt dimension or event, or a wrong conversion → is visible in the result", () => {
  const reads = readQuery(`customEvents // "rotation.comment"
    | where name == "GatewayKeyRotatedd" and tolong(customDimensions["rotation.codee"]) > 0
    | extend o = tostring(customMeasurements['rotation.overdue']), bare = customDimensions["rotation.code"]`);

  expect(reads.names).toEqual([{ table: "customEvents", name: "GatewayKeyRotatedd" }]);
  expect(reads.bags).toEqual([
    { bag: "customDimensions", key: "rotation.codee", conversion: "tolong" },
    { bag: "customMeasurements", key: "rotation.overdue", conversion: "tostring" },
    { bag: "customDimensions", key: "rotation.code", conversion: undefined },
  ]);
  expect(reads.strings).not.toContain("rotation.comment");
});
