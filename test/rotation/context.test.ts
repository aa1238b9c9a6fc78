import { expect, test } from "vitest";
import { quietPeriodMs } from "../../src/rotation/context.ts";

test("the quiet period → function time-out + a minute + call time-out + a second of storage's clock", () => {
  const second = 1000;
  const minute = 60 * second;
  const quietMs = quietPeriodMs({ functionTimeoutMs: 30 * minute, callTimeoutMs: 20 * second });
  expect(quietMs).toBe(31 * minute + 21 * second);
});
