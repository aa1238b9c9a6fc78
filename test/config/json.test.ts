import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/config/json.ts";

function accepts(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const documents = [
  '{"a": [1, -2.5e+3, true, false, null, "x\\u00e9\\n\\"y"], "b": {"c": {}}, "d": []}',
  ' [ [ ] , { "" : 0 } ]\r\n',
  '"text"',
  "0",
  '{"__proto__": {"a": 1}, "ü": "\u2028"}',
];

test("whole documents → what JSON.parse makes of them", () => {
  for (const text of documents) {
    expect(parseJson(text)).toEqual({ kind: "json", value: JSON.parse(text), duplicates: [] });
  }
});

test("every way to break a document in one place → a fault exactly where JSON.parse refuses it", () => {
  let faults = 0;
  for (const text of documents) {
    for (let at = 0; at <= text.length; at += 1) {
      const broken = [
        text.slice(0, at),
        text.slice(0, at) + text.slice(at + 1),
        ...[",", "}", "]", ":", '"', "\\", "0", "-", ".", "e", "\n", "\u0001", "/", "t"].map(
          (inserted) => text.slice(0, at) + inserted + text.slice(at),
        ),
      ];
      for (const candidate of broken) {
        const parsed = parseJson(candidate);
        expect([candidate, parsed.kind]).toEqual([candidate, accepts(candidate) ? "json" : "fault"]);
        faults += parsed.kind === "fault" ? 1 : 0;
      }
    }
  }
  expect(faults).toBeGreaterThan(1000);
});

describe("a fault → its place and the remedy", () => {
  test.each([
    ['{\n  "a": 1,\n}', 3, 1, "remove the comma before it"],
    ["[1, 2,\r\n ]", 2, 2, "remove the comma before it"],
    ['{\n  // why\n  "a": 1}', 2, 3, "remove the comment: JSON has none"],
    ["{'a': 1}", 1, 2, "write double quotes instead of single ones"],
    ['{"a": 1 "b": 2}', 1, 9, "put a comma between two properties, or close the object with }"],
    ["[1 2]", 1, 4, "put a comma between two entries, or close the list with ]"],
    ['{"a" 1}', 1, 6, "put a colon after the property's name"],
    ["{a: 1}", 1, 2, "write a property's name in double quotes"],
    [
      '{"a": }',
      1,
      7,
      "write a value here: text in double quotes, a number, true, false, an object or a list",
    ],
    ["{} {}", 1, 4, "remove what follows the end of the document"],
    ['{"a": [1', 1, 9, "the text ends too early: is it whole?"],
    ["", 1, 1, "the text ends too early: is it whole?"],
    [
      '{"a": "b\n"}',
      1,
      7,
      "close the text with a double quote on the same line, and write a backslash in it as \\\\",
    ],
    ["[".repeat(100_000), 1, 34, "nest no deeper than 32 levels"],
  ])("%j", (text, line, column, remedy) => {
    expect(parseJson(text)).toMatchObject({ kind: "fault", place: { line, column }, remedy });
  });
});

test("a property that is given twice → its path and both places, and the document is read all the same", () => {
  const text =
    '{"gateways": [{"name": "a",\n "name": "b"}, {"name": "c"}],\n"gateways": 1, "\\u0067ateways": 2}';
  expect(parseJson(text)).toEqual({
    kind: "json",
    value: { gateways: 2 },
    duplicates: [
      { path: "gateways[0].name", first: { line: 1, column: 16 }, second: { line: 2, column: 2 } },
      { path: "gateways", first: { line: 1, column: 2 }, second: { line: 3, column: 1 } },
      { path: "gateways", first: { line: 1, column: 2 }, second: { line: 3, column: 16 } },
    ],
  });
});
