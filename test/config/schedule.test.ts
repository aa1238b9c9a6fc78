import { describe, expect, test } from "vitest";
import { parseSchedule } from "../../src/config/schedule.ts";

function remedyOf(text: string): string {
  const parsed = parseSchedule(text);
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
])("%s → accepted", (text) => {
  expect(parseSchedule(text)).toEqual({ kind: "value", value: text });
});

test("several spaces between fields → one", () => {
  expect(parseSchedule(" 0  0 3 * *  * ")).toEqual({ kind: "value", value: "0 0 3 * * *" });
});

test("every number of every field: inside its range → accepted, outside → refused", () => {
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
      expect([parts.join(" "), parseSchedule(parts.join(" ")).kind]).toEqual([parts.join(" "), expected]);
    }
  }
});

describe("a mistake that people make", () => {
  test("five fields → the same with the second in front", () => {
    expect(remedyOf("0 3 * * *")).toBe('put the second in front: "0 0 3 * * *"');
  });

  test.each(["00:30:00", "1.00:00:00"])("the time span %s → refused, with an expression to write", (text) => {
    expect(remedyOf(text)).toContain('"0 0 3 * * *"');
  });

  test.each(["", "@daily", "0 0 3 * * * *", "0\t0\t3\t*\t*\t*", "3"])(
    "%j → refused, with an expression",
    (text) => {
      expect(remedyOf(text)).toContain('"0 0 3 * * *"');
    },
  );

  test("a range that goes downwards, which the host would turn round → split in two", () => {
    expect(remedyOf("0 0 22-2 * * *")).toBe("split it in two: 22-23,0-2");
    expect(remedyOf("0 0 0 * * Fri-Mon")).toBe("split it in two: 5-6,0-1");
  });

  test("the step 0, which the host would take for 1 → refused", () => {
    expect(remedyOf("0 */0 * * * *")).toContain("step");
  });

  test("Sunday as 7 → Sunday is 0", () => {
    expect(remedyOf("0 0 3 * * 7")).toContain("Sunday is 0");
  });

  test.each(["0 0 3 ? * *", "0 0 3 L * *", "0 0 3 15W * *", "0 0 3 * * 5#3"])(
    "%s → no such character",
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
  ])("%s → refused", (text) => {
    expect(remedyOf(text)).not.toBe("");
  });

  test.each(["0 0 0 31 2 *", "0 0 0 30 Feb *", "0 0 0 31 4,6,9,11 *"])(
    "%s, which never comes → refused",
    (text) => {
      expect(remedyOf(text)).toBe("name a day that exists");
    },
  );
});
