import fc from "fast-check";
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

test("whole documents → the values that JSON.parse returns", () => {
  for (const text of documents) {
    expect(parseJson(text)).toEqual({ kind: "json", value: JSON.parse(text), duplicates: [] });
  }
});

test("a document broken in one place → refused exactly if JSON.parse refuses it", () => {
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

test.each([
  ['{\n  "a": 1,\n}', 3, 1, "or remove the comma before it"],
  ["[1, 2,\r\n ]", 2, 2, "or remove the comma before it"],
  ['{\n  // why\n  "a": 1}', 2, 3, "remove the comment: JSON has none"],
  ["{'a': 1}", 1, 2, "write text and names of properties in double quotes"],
  ['{"a": 1 "b": 2}', 1, 9, "put a comma before it, or close the object with } or the list with ]"],
  ["[1 2]", 1, 4, "put a comma before it, or close the object with } or the list with ]"],
  ['{"a" 1}', 1, 6, "put a colon after the property's name"],
  ["{a: 1}", 1, 2, "write text and names of properties in double quotes"],
  ["{1: 1}", 1, 2, "write a property's name in double quotes"],
  ['{"a": }', 1, 7, "write a value here"],
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
])("the fault in %j → its place and a remedy", (text, line, column, remedy) => {
  const expected = {
    kind: "fault",
    fault: { path: `line ${line}, column ${column}`, remedy: expect.stringContaining(remedy) },
  };
  expect(parseJson(text)).toMatchObject(expected);
});

test("a property given twice → its path and both places, and the document is still read", () => {
  const text =
    '{"gateways": [{"name": "a",\n "name": "b"}, {"name": "c"}],\n"gateways": 1, "\\u0067ateways": 2}';
  const twice = {
    rule: "a property is given once: of two, JSON would silently take the last",
    remedy: "remove one of the two",
  };
  expect(parseJson(text)).toEqual({
    kind: "json",
    value: { gateways: 2 },
    duplicates: [
      { ...twice, path: "gateways[0].name", value: "(at line 1, column 16 and at line 2, column 2)" },
      { ...twice, path: "gateways", value: "(at line 1, column 2 and at line 3, column 1)" },
      { ...twice, path: "gateways", value: "(at line 1, column 2 and at line 3, column 16)" },
    ],
  });
});

test("10,900 duplicate keys in 65 KB → all of them, in linear time", () => {
  const text = `{${'"":0,\n'.repeat(10_900)}"":0}`;
  const before = process.threadCpuUsage();
  const parsed = parseJson(text);
  const { user, system } = process.threadCpuUsage(before);
  expect(parsed).toMatchObject({ kind: "json", value: { "": 0 } });
  expect(parsed.kind === "json" && parsed.duplicates).toHaveLength(10_900);
  // Processor time, which other programs do not lengthen: 20 to 70 ms. Counting the lines for every key took 6 s.
  expect((user + system) / 1000).toBeLessThan(1000);
});

describe("comments", () => {
  const text = '// ours\n{"a": [1 /* one\n*/, 2], // "a": 3\n"b": "// no comment"}//';

  test("accepted → the document without them", () => {
    expect(parseJson(text, "accept")).toEqual({
      kind: "json",
      value: { a: [1, 2], b: "// no comment" },
      duplicates: [],
    });
  });

  test("refused → the place of the first", () => {
    expect(parseJson(text)).toMatchObject({ kind: "fault", fault: { path: "line 1, column 1" } });
  });

  test.each([
    ['{"a": 1} /* open', 1, 10, "close the comment with */"],
    ["[1, // last\n]", 2, 1, "or remove the comma before it"],
    ["/* only */", 1, 11, "the text ends too early: is it whole?"],
    ["[1 / 2]", 1, 4, "write text and names of properties in double quotes"],
  ])("accepted, and %j is broken → its place and a remedy", (broken, line, column, remedy) => {
    const parsed = parseJson(broken, "accept");
    const expected = {
      kind: "fault",
      fault: { path: `line ${line}, column ${column}`, remedy: expect.stringContaining(remedy) },
    };
    expect(parsed).toMatchObject(expected);
  });

  test("the place of a duplicate key → counted with the comments", () => {
    const parsed = parseJson('/* 1\n2 */ {"a": 1, // 3\n"a": 2}', "accept");
    expect(parsed).toMatchObject({
      duplicates: [{ path: "a", value: "(at line 2, column 7 and at line 3, column 1)" }],
    });
  });
});

test("any text → refused exactly if JSON.parse refuses it", () => {
  const pieces = fc.constantFrom(
    ..."{}[],:\"\\'/*-+.eE012tfnu \t\n\r\u00a0\u0000a",
    "true",
    "null",
    "//",
    '""',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      expect(parseJson(text).kind).toBe(accepts(text) ? "json" : "fault");
    }),
    { numRuns: 5000 },
  );
});
