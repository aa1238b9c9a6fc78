import { expect, test } from "vitest";
import { ConfigurationError, formatPath, shown } from "../../src/config/configurationProblem.ts";

test.each([
  ["ADF#066b1a89-e84f-47a4-a784-a753b2e06623@21a6600e@wu#11gTEsN4o12bfYN26qbjlJMgihOlX7hyYAmrPwtLCRU="],
  ["DMG@066b1a89-e84f-47a4-a784-a753b2e06623@wu@abc="],
  [" IR@066b1a89-e84f-47a4-a784-a753b2e06623@abc"],
  ["DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b"],
  ["InstrumentationKey=066b1a89-e84f-47a4-a784-a753b2e06623"],
  ["https://user:word@example.org"],
  ["https://example.org/api/rotations?code=abc"],
  ["https://a.blob.core.windows.net/c?sv=1&sig=abc"],
  ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"],
  ["u7/11gTEsN4o12bfYN26qbjlJMgihOlX7hyYAmrPwtLCRU0=="],
])("%s → not shown", (secret) => {
  expect(shown(secret)).toBe("(not shown: it looks like a secret)");
});

test.each([
  ["/subscriptions/a/resourceGroups/b/providers/Microsoft.DataFactory/datafactories/c/gateways/d"],
  ["https://contoso-keys.vault.azure.net"],
  ["https://portal.azure.com/#@contoso.com/resource/subscriptions/a"],
  ["0 0 3 * * *"],
])("%s → shown in quotes", (text) => {
  expect(shown(text)).toBe(`"${text}"`);
});

test.each([
  ["a zero-width space", "ware\u200bhouse", '"ware\\u200bhouse"'],
  ["a non-breaking space", "0 0 3\u00a0* * *", '"0 0 3\\u00a0* * *"'],
  ["a byte order mark", "\ufeffkey", '"\\ufeffkey"'],
  ["a line separator", "a\u2028b", '"a\\u2028b"'],
  ["a tag character", "a\u{e0041}b", '"a\\u{e0041}b"'],
  ["other scripts", "данные-データ", '"данные-データ"'],
])("a text with %s → shown so that it can be seen", (_, text, words) => {
  expect(shown(text)).toBe(words);
});

test("values of other types → shown on one line and short", () => {
  expect(shown("a\nb\u001b[31m")).toBe('"a\\nb\\u001b[31m"');
  expect(shown("x".repeat(5000)).length).toBeLessThan(210);
  expect([undefined, null, 1.5, false, [1, 2], { a: 1 }].map(shown)).toEqual([
    "(not set)",
    "null",
    "1.5",
    "false",
    "(a list of 2)",
    "(an object)",
  ]);
});

test("paths → written as in JavaScript, with unusual keys in quotes", () => {
  expect(formatPath(["gateways", 2, "resourceId"])).toBe("gateways[2].resourceId");
  expect(formatPath(["$schema"])).toBe("$schema");
  expect(formatPath(["gateways", 0, "a b\n"])).toBe('gateways[0]["a b\\n"]');
  expect(formatPath(["IR@secret"])).toBe("[(not shown: it looks like a secret)]");
});

const problem = (source: string, path: string) => ({
  source,
  path,
  value: '"x"',
  rule: "the rule",
  remedy: "the remedy",
});

test("several problems → a report with their number first, grouped by source", () => {
  const problems = [
    problem("app settings", "ROTATION_SCHEDULE"),
    problem("gateways.json", "gateways[0].name"),
    problem("app settings", "DEPLOYMENT_NAME"),
  ];
  const error = new ConfigurationError(problems);
  expect(error).toMatchObject({ name: "ConfigurationError", problems });
  expect(error.message).toBe(
    `The configuration has 3 problems.

app settings
  ROTATION_SCHEDULE: "x"
    rule: the rule
    remedy: the remedy
  DEPLOYMENT_NAME: "x"
    rule: the rule
    remedy: the remedy

gateways.json
  gateways[0].name: "x"
    rule: the rule
    remedy: the remedy`,
  );
});

test("one problem → a report in the singular", () => {
  expect(new ConfigurationError([problem("GATEWAYS", "gateways")]).message).toMatch(
    /^The configuration has 1 problem\./,
  );
});
