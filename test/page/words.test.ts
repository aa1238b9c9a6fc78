import { expect, test } from "vitest";
import type { Gateway } from "../../page/answers.ts";
import { byUrgency, distanceWords, levelOf, matches, verdict } from "../../page/words.ts";
import { oneOfEach, three } from "./samples.ts";

const [fine] = three as readonly [Gateway];

test.each<readonly [string, Partial<Gateway>, string]>([
  ["a dead key, whatever the state", { keyWorks: false }, "problem"],
  ["a dead key while it rotates", { keyWorks: false, state: "rotating" }, "problem"],
  ["a failure with a key that works", { state: "failed" }, "problem"],
  ["a key in doubt", { keyWorks: "unknown" }, "warning"],
  ["overdue", { state: "overdue" }, "warning"],
  [
    "a host that has not registered",
    { host: { status: "Online", registeredAt: null, sinceRotation: false } },
    "warning",
  ],
  ["rotating", { state: "rotating", keyWorks: "unknown" }, "busy"],
  ["never rotated", { state: "never-rotated", keyWorks: "unknown" }, "plain"],
  ["rotated, and the key works", {}, "good"],
])("%s → its level", (_, changes, level) => {
  expect(levelOf({ ...fine, ...changes })).toBe(level);
});

test("gateways in each state → the most urgent first, and the verdict names what is wrong first", () => {
  expect([...oneOfEach].sort(byUrgency).map((gateway) => levelOf(gateway))).toEqual([
    "problem",
    "warning",
    "warning",
    "busy",
    "plain",
    "good",
  ]);
  expect(verdict(oneOfEach)).toBe("1 key does not work, 2 gateways to check; 6 gateways in all");
  expect(verdict(three)).toBe("Nothing wrong in 3 gateways");
  expect(verdict([])).toBe("No gateway is configured");
  expect(verdict([{ ...fine, state: "failed" }, fine])).toBe("1 rotation failed; 2 gateways in all");
});

test("words of the filter → each has to be in the gateway's texts, in any case and order", () => {
  const found = (text: string, onlyAttention = false) =>
    oneOfEach.filter((gateway) => matches({ text, onlyAttention }, gateway)).map(({ name }) => name);
  expect(found("")).toHaveLength(oneOfEach.length);
  expect(found("ROTATED  branch")).toEqual(["branch-office"]);
  expect(found("vault-write-refused")).toEqual(["gatewaytest"]);
  expect(found("does not work")).toEqual(["gatewaytest"]);
  expect(found("gateway v1", true)).toEqual(["gatewaytest", "branch-office"]);
  expect(found("nothing of that")).toEqual([]);
});

test("a date → its distance in the largest whole unit", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  expect(distanceWords("2026-11-14T12:00:00Z", now)).toBe("12 days ago");
  expect(distanceWords("2026-11-26T14:10:00Z", now)).toBe("in 2 hours");
  expect(distanceWords("2026-11-26T11:59:50Z", now)).toBe("this minute");
});
