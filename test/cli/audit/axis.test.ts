import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axisWidth, createAxis } from "../../../cli/audit/html/axis.ts";

const at = (text: string): Date => new Date(text);
const labels = (from: string, to: string) =>
  createAxis(at(from), at(to), at(to)).ticks.map(({ label }) => label);

describe("the axis of time", () => {
  test.each([
    ["a day", "2026-03-01T00:00Z", "2026-03-02T00:00Z", ["1 Mar", "06:00", "12:00", "18:00", "2 Mar"]],
    ["three months", "2026-01-10", "2026-04-10", ["Feb 2026", "Mar 2026", "Apr 2026"]],
    [
      "three years",
      "2023-05-01",
      "2026-05-01",
      ["Jul 2023", "Jan 2024", "Jul 2024", "Jan 2025", "Jul 2025", "Jan 2026"],
    ],
    ["fifty years", "1980-01-01", "2030-01-01", ["1980", "1990", "2000", "2010", "2020", "2030"]],
  ])("an axis over %s → labels at round dates", (_, from, to, expected) => {
    expect(labels(from, to)).toEqual(expected);
  });

  test("any axis → at most eleven ticks, in order and inside; a later date is never further left", () => {
    const moment = fc.date({ min: at("2015-01-01"), max: at("2060-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(moment, moment, moment, (a, b, inner) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const { ticks, x } = createAxis(from, to, to);
        const places = ticks.map(({ x }) => x);
        expect(places).toEqual(places.toSorted((one, other) => one - other));
        expect(places.length).toBeLessThanOrEqual(11);
        expect(places.every((place) => place >= 0 && place <= axisWidth)).toBe(true);
        expect(x(from)).toBeLessThanOrEqual(x(to));
        expect(x(inner)).toBeGreaterThanOrEqual(0);
        expect(x(inner)).toBeLessThanOrEqual(axisWidth);
      }),
    );
  });

  test("an axis that ends before the audit → no mark for now", () => {
    expect(createAxis(at("2026-01-01"), at("2026-02-01"), at("2026-06-01")).now).toBeUndefined();
  });
});
