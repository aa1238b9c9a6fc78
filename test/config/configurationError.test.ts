import { expect, test } from "vitest";
import { ConfigurationError } from "../../src/config/configurationError.ts";

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
