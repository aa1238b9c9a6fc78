import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type EventName, eventDefinitions, eventNames } from "../../src/domain/eventDefinitions.ts";
import { toEventRecord, toLogLine } from "../../src/domain/eventRecord.ts";
import { samples } from "../domain/eventSamples.ts";
import { infra } from "./folder.ts";
import { type BagRead, type QueryReads, readQueries, readQuery } from "./kql.ts";

const queries = [...(await readQueries())].map(([file, kql]) => ({ file, kql, reads: readQuery(kql) }));
const records = eventNames.map((name) => toEventRecord(samples[name]));

const isEventName = (name: string): name is EventName => eventNames.some((known) => known === name);

/** The events that a query reads: those that it names, otherwise all. */
const eventsOf = ({ names }: QueryReads): readonly EventName[] => {
  const named = names.map(({ name }) => name).filter(isEventName);
  return named.length > 0 && names.every(({ table }) => table !== "traces") ? named : eventNames;
};

/** What an event with all that it can carry has under this name, as it is sent. */
function sentAs(events: readonly EventName[], { bag, key }: BagRead): readonly (string | number)[] {
  const values = records
    .filter(({ name }) => events.includes(name))
    .map(({ dimensions, measurements }) => {
      const bags: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
        customDimensions: dimensions,
        customMeasurements: measurements,
        details: { ...dimensions, ...measurements },
      };
      return bags[bag]?.[key];
    });
  return values.filter((value) => value !== undefined);
}

const holds: Readonly<Record<string, (value: string | number) => boolean>> = {
  tostring: (value) => typeof value === "string",
  todatetime: (value) => typeof value === "string" && new Date(value).toISOString() === value,
  tolong: (value) => Number.isInteger(value),
  todouble: (value) => typeof value === "number",
};

describe.each(queries)("$file", ({ kql, reads }) => {
  const ours = reads.bags.filter(({ key }) => key.startsWith("rotation."));

  test("each value that it reads → is in that bag of an event that it reads", () => {
    const events = eventsOf(reads);
    expect(ours.filter((read) => sentAs(events, read).length === 0)).toEqual([]);
  });

  test("each value that it reads → is converted to the type that the event sends", () => {
    const wrong = ours.filter((read) => {
      const fits = holds[read.conversion ?? ""];
      return fits === undefined || !sentAs(eventNames, read).every(fits);
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
      return (eventDefinitions[name].sentTo === "customEvents") !== (table === "customEvents");
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

describe("a query that reads log lines", () => {
  const story = queries.find(({ file }) => file === "workbook/story");

  test("an event that is only logged → the query finds its line", () => {
    const beginning = story?.reads.strings.find((text) => text.startsWith('{"'));
    const logOnly = records.filter(({ name }) => eventDefinitions[name].sentTo === "log");
    expect(logOnly.length).toBeGreaterThan(0);
    for (const record of logOnly) expect(toLogLine(record).startsWith(beginning ?? "?")).toBe(true);
    expect(story?.reads.names.map(({ name }) => name).sort()).toEqual(logOnly.map(({ name }) => name).sort());
  });
});

describe("readQuery", () => {
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
});
