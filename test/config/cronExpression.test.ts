import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCron, firstTicks, parseCronExpression } from "../../src/config/schedule.ts";
import { cronOracle, expressionText } from "./cronOracle.ts";

function remedyOf(text: string): string {
  const parsed = parseCronExpression(text);
  if (parsed.kind !== "problem") throw new Error(`${text} was accepted`);
  return parsed.remedy;
}

test.each([
  "0 0 3 * * *",
  "0 */5 * * * *",
  "0 0 9-17 * * 1-5",
  "0 30 9 * Jan Mon",
  "0 0 0 1 january,JUL *",
  "0 0 0 * * SUN-sat",
  "0 0 0 * Mar-Nov/2 Wednesday",
  "15,30,45 0-10/2,20 8/4 1,15-20 1-12/3 0,6",
  "59 59 23 31 12 6",
  "0 0 0 29 2 *",
])("schedule %s → accepted", (text) => {
  expect(parseCronExpression(text)).toEqual({ kind: "value", value: text });
});

test("several spaces between fields → one", () => {
  expect(parseCronExpression(" 0  0 3 * *  * ")).toEqual({ kind: "value", value: "0 0 3 * * *" });
});

test("any number of any field → accepted exactly if it is in the range of the field", () => {
  const ranges = [
    [0, 59],
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 6],
  ] as const;
  for (const [index, [minimum, maximum]] of ranges.entries()) {
    for (let value = 0; value <= 70; value += 1) {
      const parts = ["0", "0", "0", "*", "*", "*"].with(index, String(value));
      const expected = value >= minimum && value <= maximum ? "value" : "problem";
      expect([parts.join(" "), parseCronExpression(parts.join(" ")).kind]).toEqual([
        parts.join(" "),
        expected,
      ]);
    }
  }
});

describe("a usual mistake", () => {
  test("five fields → refused; the remedy has the second in front", () => {
    expect(remedyOf("0 3 * * *")).toBe('put the second in front: "0 0 3 * * *"');
  });

  test.each(["", "@daily", "0 0 3 * * * *", "0\t0\t3\t*\t*\t*", "3", "00:30:00", "1.00:00:00"])(
    "schedule %j → refused, with an expression to write",
    (text) => {
      expect(remedyOf(text)).toContain('"0 0 3 * * *"');
    },
  );

  test.each([
    ["0 0 22-2 * * *", "hour", "0 to 23"],
    ["0 0 0 * * Fri-Mon", "day of the week", "0 to 6 or Sun to Sat"],
    ["0 */90 * * * *", "minute", "0 to 59"],
    ["0 0 1,*/25 * * *", "hour", "0 to 23"],
    ["0 0 0 */40 * *", "day", "1 to 31"],
    ["0 */0 * * * *", "minute", "0 to 59"],
    ["0 */90 25 * * *", "minute", "0 to 59"],
  ])(
    "%s, which the host reads as no operator means it → refused, with the field and its rule",
    (text, name, values) => {
      expect(parseCronExpression(text)).toMatchObject({
        kind: "problem",
        rule: expect.stringMatching(
          `^the ${name} is ${values},.* a range goes upwards .* a step is 1 or more`,
        ),
        remedy: expect.stringContaining(`write the ${name} with values from ${values}, or *`),
      });
    },
  );

  test("Sunday as 7 → refused, since Sunday is 0", () => {
    expect(remedyOf("0 0 3 * * 7")).toContain("Sunday is 0");
  });

  test.each(["0 0 3 ? * *", "0 0 3 L * *", "0 0 3 15W * *", "0 0 3 * * 5#3"])(
    "schedule %s → refused, since NCRONTAB has no such character",
    (text) => {
      expect(remedyOf(text)).toContain("there is no ?, L, W or #");
    },
  );

  test.each([
    "0 0 3 * * Mo",
    "0 0 3 * Smarch *",
    "0 Mon 3 * * *",
    "0 0 3 * * 1,",
    "0 0 3 * * ,1",
    "0 0 1-2-3 * * *",
    "0 */ * * * *",
    "0 */1/2 * * * *",
    "0 -5 * * * *",
    "0 5- * * * *",
    "0 *-5 * * * *",
    "0 1.5 * * * *",
    "0 0 3 * Jan1 *",
    "0 0 3 * 1Jan *",
    "0 0 3 * * 0Mon",
    "0 0 3 * * Sun1",
  ])("schedule %s → refused", (text) => {
    expect(remedyOf(text)).not.toBe("");
  });

  test.each(["0 0 0 31 2 *", "0 0 0 30 Feb *", "0 0 0 31 4,6,9,11 *"])(
    "schedule %s, a date that never comes → refused",
    (text) => {
      expect(remedyOf(text)).toBe("name a day that exists");
    },
  );
});

test("the step that is as large as its field → accepted", () => {
  for (const text of ["*/60 0 0 * * *", "0 */60 * * * *", "0 0 */24 * * *", "0 0 0 */31 */12 */7"])
    expect(parseCronExpression(text)).toEqual({ kind: "value", value: text });
});

describe("ticks", () => {
  test("day of the month and day of the week → ticks only where both match", () => {
    const fridays13 = firstTicks("0 0 3 13 * Friday", 3).map((tick) => tick.toISOString().slice(0, 10));
    expect(fridays13).toEqual(["2000-10-13", "2001-04-13", "2001-07-13"]);
  });

  test("a start with a step → from the start to the end of the field", () => {
    const minutes = firstTicks("0 8/20 * * * *", 4).map((tick) => tick.getUTCMinutes());
    expect(minutes).toEqual([8, 28, 48, 8]);
  });

  test("a night on which clocks change → the ticks are those of UTC", () => {
    const cron = createCron("0 30 2 * * *");
    const ticks = cron.nextRuns(3, new Date("2025-03-29T12:00:00Z")).map((tick) => tick.toISOString());
    expect(ticks).toEqual([
      "2025-03-30T02:30:00.000Z",
      "2025-03-31T02:30:00.000Z",
      "2025-04-01T02:30:00.000Z",
    ]);
  });

  test("any expression that is accepted → ticks that every field selects, and none left out", () => {
    fc.assert(
      fc.property(expressionText, (text) => {
        const parsed = parseCronExpression(text);
        const oracle = cronOracle(text);
        expect(parsed.kind).toBe(oracle === undefined ? "problem" : "value");
        if (parsed.kind === "problem" || oracle === undefined) return;
        const [first, second] = firstTicks(parsed.value, 2);
        if (first === undefined || second === undefined) throw new Error("An accepted schedule has ticks.");
        expect(oracle.matches(first) && oracle.matches(second)).toBe(true);
        // Up to an hour: every second between two ticks would take too long.
        const end = Math.min(second.getTime(), first.getTime() + 3_600_000);
        for (let time = first.getTime() + 1000; time < end; time += 1000)
          if (oracle.matches(new Date(time))) throw new Error(`${new Date(time).toISOString()} is left out.`);
      }),
      { numRuns: 300 },
    );
  });
});

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom(..."0159*,-/ ?LW#@:.MonJan\t") }),
  expressionText.chain((text) => fc.constantFrom(text, text.slice(2), `${text} *`, text.replace("*", "7"))),
);

test("any text → the same result each time: refused with a remedy, or accepted with ticks", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const parsed = parseCronExpression(text);
      expect(parseCronExpression(text)).toEqual(parsed);
      if (parsed.kind === "value") {
        expect(firstTicks(parsed.value, 1)).toHaveLength(1);
        expect(parseCronExpression(parsed.value)).toEqual(parsed);
      } else {
        expect(parsed.rule.length).toBeGreaterThan(5);
        const [, proposed] = /"(.+)"/.exec(parsed.remedy) ?? [];
        if (proposed !== undefined) expect(parseCronExpression(proposed).kind).toBe("value");
      }
    }),
    { numRuns: 2000 },
  );
});
