import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRotationSchedule, rotationScheduleProblems } from "../../src/config/schedule.ts";
import { gateway } from "../support/gateways.ts";
import { expressionText, scheduleOracle } from "./scheduleOracle.ts";

const everyTick = gateway();
const monthly = gateway(undefined, { rotateEveryDays: 30 });

const remedyOf = (text: string) => {
  const parsed = parseRotationSchedule(text);
  return parsed.kind === "problem" ? parsed.remedy : undefined;
};

describe("ticks closer together than a minute", () => {
  test.each([
    ["* 0 3 * * *", 'write "0 0 3 * * *"'],
    ["*/30 * * * * *", 'write "0 * * * * *"'],
    ["59,30 0 3 1 Jan *", 'write "30 0 3 1 Jan *"'],
    ["0 3 * * *", 'put the second in front: "0 0 3 * * *"'],
  ])("%s → refused, with an expression to write", (text, remedy) => {
    expect(remedyOf(text)).toBe(remedy);
  });

  test.each(["0 * * * * *", "59 0,59 0,23 * * *", "0 0 3 * * *"])(
    "%s, a minute or more → accepted",
    (text) => {
      expect(parseRotationSchedule(text)).toEqual({ kind: "value", value: text });
    },
  );
});

describe("ticks closer together than an hour", () => {
  test("ticks every half hour, a gateway without rotateEveryDays → one problem, with an expression", () => {
    expect(rotationScheduleProblems("0 15,45 9-17 * * 1-5", [monthly, everyTick, everyTick])).toEqual([
      {
        source: "app settings",
        path: "ROTATION_SCHEDULE",
        value: '"0 15,45 9-17 * * 1-5"',
        rule: expect.stringContaining('"gatewaytest"'),
        remedy: expect.stringContaining('write "0 15 9-17 * * 1-5"'),
      },
    ]);
  });

  test("ticks every 5 minutes, every gateway with rotateEveryDays → accepted", () => {
    expect(rotationScheduleProblems("0 */5 * * * *", [monthly, monthly])).toEqual([]);
  });

  test("ticks an hour apart → accepted", () => {
    expect(rotationScheduleProblems("0 30 0,23 * * *", [everyTick])).toEqual([]);
  });

  test("a schedule that is missing or broken → no second problem", () => {
    expect(rotationScheduleProblems(undefined, [everyTick])).toEqual([]);
  });
});

/** In seconds, on days that follow each other. */
function shortestPause(times: readonly number[]): number {
  const day = 86_400;
  const next = (index: number) => times[index + 1] ?? day + (times[0] ?? 0);
  return times.reduce((least, time, index) => Math.min(least, next(index) - time), day);
}

test("any schedule → refused exactly if two ticks are too close, and its remedy is accepted", () => {
  fc.assert(
    fc.property(expressionText, (text) => {
      const oracle = scheduleOracle(text);
      if (oracle === undefined) return;
      const least = shortestPause(oracle.timesOfDay());
      const byMinute = parseRotationSchedule(text);
      expect(byMinute.kind).toBe(least < 60 ? "problem" : "value");
      const byHour = rotationScheduleProblems(text, [everyTick]);
      expect(byHour).toHaveLength(least < 3600 ? 1 : 0);
      for (const { remedy } of [...byHour, ...(byMinute.kind === "problem" ? [byMinute] : [])]) {
        const [, proposed = ""] = /write "([^"]+)"/.exec(remedy) ?? [];
        expect(parseRotationSchedule(proposed).kind).toBe("value");
        if (remedy === byHour[0]?.remedy) expect(rotationScheduleProblems(proposed, [everyTick])).toEqual([]);
      }
    }),
    { numRuns: 100 },
  );
});
