import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createCron,
  isLateTick,
  nextTickOf,
  parseCronExpression,
  rotationScheduleProblems,
} from "../../src/config/schedule.ts";
import { isInside, type RotationWindow, weekdays } from "../../src/domain/rotationWindow.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { gateway } from "../support/gateways.ts";
import { cronOracle, expressionText } from "./cronOracle.ts";

const everyTick = gateway();
const monthly = gateway(undefined, { rotateEveryDays: 30 });

test.each([
  ["* 0 3 * * *", 'write "0 0 3 * * *"'],
  ["*/30 * * * * *", 'write "0 * * * * *"'],
  ["59,30 0 3 1 Jan *", 'write "30 0 3 1 Jan *"'],
])("ticks of %s, closer together than a minute → refused, with an expression to write", (text, remedy) => {
  expect(rotationScheduleProblems(text, [monthly])).toMatchObject([
    { path: "ROTATION_SCHEDULE", rule: "ticks are at least a minute apart", remedy },
  ]);
  expect(rotationScheduleProblems(text, [])).toMatchObject([{ remedy }]);
});

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

test.each([
  ["ticks a minute apart", "0 * * * * *", [monthly]],
  ["ticks a minute apart at midnight", "59 0,59 0,23 * * *", [monthly]],
  ["ticks every 5 minutes, every gateway with rotateEveryDays", "0 */5 * * * *", [monthly, monthly]],
  ["ticks an hour apart, a gateway without rotateEveryDays", "0 30 0,23 * * *", [everyTick]],
  ["a schedule that is missing or broken", undefined, [everyTick]],
])("%s → no problem of the schedule", (_, text, gateways) => {
  expect(rotationScheduleProblems(text, gateways)).toEqual([]);
});

describe("a schedule and the gateways' windows", () => {
  const windowed = (name: string, window: RotationWindow) => gateway(undefined, { name, window });
  const office = { days: ["Tue", "Wed"], from: "09:00", to: "15:00", timeZone: "Europe/Berlin" } as const;

  test("a window without a tick → one problem, with gateway, window and a schedule that ticks in it", () => {
    const gateways = [
      windowed("a", office),
      windowed("b", office),
      windowed("c", { from: "02:00", to: "04:00" }),
    ];
    expect(rotationScheduleProblems("0 0 3 * * *", gateways)).toEqual([
      {
        source: "app settings",
        path: "ROTATION_SCHEDULE",
        value: '"0 0 3 * * *"',
        rule: expect.stringContaining('none is in that of "a" (Tue, Wed, 09:00 to 15:00 (Europe/Berlin))'),
        remedy: 'write "0 0 3,8,7 * * *", or change the window',
      },
    ]);
  });

  test.each([
    ["0 0 3 * * *", { days: ["Sun"] }],
    ["0 0 8 * * *", office],
    // 07:30 UTC is inside in summer alone.
    ["0 30 7 * * *", office],
    ["0 0 13 * * *", office],
    ["0 0 3 29 2 *", { days: ["Mon"] }],
    ["0 29 * * * *", { from: "09:45", to: "10:00", timeZone: "Asia/Kolkata" }],
  ] as const)("ticks of %s, the window %j → accepted", (schedule, window) => {
    expect(rotationScheduleProblems(schedule, [windowed("a", window)])).toEqual([]);
  });

  test.each([
    // Berlin is never three hours ahead of UTC.
    ["0 0 12 * * *", { from: "15:00", to: "16:00", timeZone: "Europe/Berlin" }],
    ["0 0 8 * * Thu", office],
    ["0 0 15 * * *", { from: "09:00", to: "15:00" }],
    ["0 10 3 * * *", { from: "09:20", to: "09:40" }],
    ["0 59 * * * *", { from: "09:45", to: "10:00", timeZone: "Asia/Kolkata" }],
  ] as const)("ticks of %s, the window %j → refused, and its remedy is accepted", (schedule, window) => {
    const [problem] = rotationScheduleProblems(schedule, [windowed("a", window)]);
    const [, proposed = ""] = /^write "([^"]+)"/.exec(problem?.remedy ?? "") ?? [];
    expect(parseCronExpression(proposed).kind).toBe("value");
    expect(rotationScheduleProblems(proposed, [windowed("a", window)])).toEqual([]);
  });

  test("10,000 gateways with windows that no tick meets → each window is checked once", () => {
    const checked: unknown[] = [];
    const window = {
      from: "09:00",
      to: "10:00",
      get timeZone() {
        checked.push(1);
        return "Europe/Berlin";
      },
    };
    const one = rotationScheduleProblems("0 0 3 1 1 *", [windowed("a", window)]);
    const once = checked.length;
    expect(
      rotationScheduleProblems(
        "0 0 3 1 1 *",
        Array.from({ length: 10_000 }, () => windowed("a", window)),
      ),
    ).toEqual(one);
    // A string is made of each window, to find equal ones.
    expect(checked.length).toBeLessThan(2 * once + 2 * 10_000);
  });
});

describe("the next tick of a gateway", () => {
  const at = (text: string) => Date.parse(text);
  const monthly = { rotateEveryDays: 30 };
  const berlin = { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" };

  interface Situation extends Partial<Gateway> {
    readonly rotatedAt?: string;
    /** Default: daily at three. */
    readonly schedule?: string;
    readonly now?: string;
  }
  test.each<[string, Situation, string]>([
    ["never rotated", monthly, "2026-11-24T03:00:00Z"],
    ["a tick is now: the one after", { now: "2026-11-24T03:00:00Z" }, "2026-11-25T03:00:00Z"],
    ["not due", { ...monthly, rotatedAt: "2026-11-01T03:00:05Z" }, "2026-12-01T03:00:00Z"],
    [
      "half an hour before it is due",
      { ...monthly, rotatedAt: "2026-11-01T03:30:00Z" },
      "2026-12-01T03:00:00Z",
    ],
    [
      "31 minutes before it is due",
      { ...monthly, rotatedAt: "2026-11-01T03:31:00Z" },
      "2026-12-02T03:00:00Z",
    ],
    ["long due", { ...monthly, rotatedAt: "2026-01-01T03:00:00Z" }, "2026-11-24T03:00:00Z"],
    ["no period", { rotatedAt: "2026-11-24T01:00:00Z" }, "2026-11-24T03:00:00Z"],
    [
      "its window opens with a tick",
      { window: { days: ["Sun"] }, schedule: "0 0 0 * * *" },
      "2026-11-29T00:00:00Z",
    ],
    [
      "due outside its window",
      { ...monthly, window: { days: ["Wed"] }, rotatedAt: "2026-11-01T03:00:00Z" },
      "2026-12-02T03:00:00Z",
    ],
    [
      "before summer time",
      { window: berlin, schedule: "0 0 * * * *", now: "2027-03-26T09:00:00Z" },
      "2027-03-27T08:00:00Z",
    ],
    [
      "summer time begins",
      { window: berlin, schedule: "0 0 * * * *", now: "2027-03-27T08:00:00Z" },
      "2027-03-28T07:00:00Z",
    ],
    [
      "summer time begins, and the tick of the winter is outside",
      { window: berlin, schedule: "0 0 8 * * *", now: "2027-03-27T08:00:00Z" },
      "2027-10-31T08:00:00Z",
    ],
  ])("%s → $2", (_, situation, expected) => {
    const { rotatedAt, schedule = "0 0 3 * * *", now = "2026-11-24T02:00:00Z", ...terms } = situation;
    const of = gateway(undefined, terms);
    const tick = nextTickOf(schedule)(of, rotatedAt === undefined ? undefined : at(rotatedAt), at(now));
    expect(tick).toEqual(new Date(expected));
  });

  test("its window contains no tick → undefined", () => {
    const of = gateway(undefined, { window: berlin });
    expect(nextTickOf("0 0 3 * * *")(of, undefined, at("2026-11-24T02:00:00Z"))).toBeUndefined();
  });
});

test.each([
  ["an hour after the missed tick", "2026-11-24T04:00:00Z", true, false],
  ["more than an hour after it", "2026-11-24T04:00:01Z", true, true],
  ["ten minutes after the last of several", "2026-11-27T03:10:00Z", true, false],
  ["not past due: a person has asked for it", "2026-11-24T12:00:00Z", false, false],
])("the host fires a missed tick %s → late: $3", (_, now, isPastDue, expected) => {
  expect(isLateTick("0 0 3 * * *", isPastDue, Date.parse(now))).toBe(expected);
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
      const oracle = cronOracle(text);
      if (oracle === undefined) return;
      const least = shortestPause(oracle.timesOfDay());
      for (const [gateways, atLeast] of [
        [[monthly], 60],
        [[everyTick], 3600],
      ] as const) {
        const problems = rotationScheduleProblems(text, gateways);
        expect(problems).toHaveLength(least < atLeast ? 1 : 0);
        for (const { remedy } of problems) {
          const [, proposed = ""] = /write "([^"]+)"/.exec(remedy) ?? [];
          expect(parseCronExpression(proposed).kind).toBe("value");
          expect(rotationScheduleProblems(proposed, gateways)).toEqual([]);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("any schedule and window → refused exactly if no tick is in it, and what its remedy proposes is accepted", () => {
  const time = fc
    .tuple(fc.nat(23), fc.constantFrom("00", "20", "59"))
    .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
  const window = fc
    .record(
      {
        days: fc.subarray([...weekdays], { minLength: 1 }),
        from: time,
        to: time,
        timeZone: fc.constantFrom("Europe/Berlin", "America/New_York", "Asia/Kolkata"),
      },
      { requiredKeys: ["from"] },
    )
    .filter(({ from, to = "00:00" }) => from !== to);
  fc.assert(
    fc.property(expressionText, window, (text, each) => {
      if (parseCronExpression(text).kind === "problem" || rotationScheduleProblems(text, []).length > 0)
        return;
      const gateways = [gateway(undefined, { rotateEveryDays: 30, window: each })];
      const [problem] = rotationScheduleProblems(text, gateways);
      const ticks = createCron(text).nextRuns(2000, new Date("2040-01-01T00:00:00Z"));
      const isMet = ticks.some((tick) => isInside(each, tick.getTime()));
      if (isMet) expect(problem).toBeUndefined();
      const [, proposed] = /^write "([^"]+)"/.exec(problem?.remedy ?? "") ?? [];
      if (proposed !== undefined) expect(rotationScheduleProblems(proposed, gateways)).toEqual([]);
      if (problem !== undefined) expect([text, proposed]).toEqual([text, expect.any(String)]);
    }),
    { numRuns: 50 },
  );
});
