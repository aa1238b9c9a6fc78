import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeWindow, isInside, nextInside, weekdays } from "../../src/domain/rotationWindow.ts";

const at = (text: string): number => Date.parse(text);
const minuteMs = 60_000;

const office = { days: ["Tue", "Wed"], from: "09:00", to: "15:00", timeZone: "Europe/Berlin" } as const;
const night = { days: ["Fri"], from: "22:00", to: "06:00", timeZone: "America/New_York" } as const;

describe("whether a window is open", () => {
  // 24 November 2026 is a Tuesday. Berlin is an hour ahead of UTC then, and two in summer.
  test.each([
    ["a minute before it opens", office, "2026-11-24T07:59:59.999Z", false],
    ["when it opens", office, "2026-11-24T08:00:00Z", true],
    ["at its last moment", office, "2026-11-25T13:59:59.999Z", true],
    ["when it closes", office, "2026-11-25T14:00:00Z", false],
    ["at its time, on another day", office, "2026-11-26T08:00:00Z", false],
    ["in summer, an hour earlier by UTC", office, "2026-07-07T07:00:00Z", true],
    ["in summer, when it has closed", office, "2026-07-07T13:00:00Z", false],
    ["over midnight, before midnight of its day", night, "2026-11-28T03:00:00Z", true],
    ["over midnight, in the morning after its day", night, "2026-11-28T10:59:00Z", true],
    ["over midnight, when it closes", night, "2026-11-28T11:00:00Z", false],
    ["over midnight, in the morning of its day", night, "2026-11-27T06:00:00Z", false],
    ["over midnight, in the evening after its day", night, "2026-11-29T04:00:00Z", false],
    ["days alone: the whole day, in UTC", { days: ["Sun"] }, "2026-11-29T23:59:59Z", true],
    ["days alone: not the next", { days: ["Sun"] }, "2026-11-30T00:00:00Z", false],
    ["from alone: until midnight", { from: "22:00" }, "2026-11-24T23:59:00Z", true],
    ["from alone: not after midnight", { from: "22:00" }, "2026-11-24T00:00:00Z", false],
    ["to alone: from midnight", { to: "06:00" }, "2026-11-24T00:00:00Z", true],
    ["to alone: not after", { to: "06:00" }, "2026-11-24T06:00:00Z", false],
    ["to is 00:00: until midnight", { from: "22:00", to: "00:00" }, "2026-11-24T23:00:00Z", true],
    ["no window", undefined, "2026-11-24T03:00:00Z", true],
  ] as const)("%s → $3", (_, window, time, expected) => {
    expect(isInside(window, at(time))).toBe(expected);
  });
});

describe("when a window opens next", () => {
  // On 28 March 2027 at 01:00 UTC, Berlin's clocks go from 02:00 to 03:00; on 31 October from 03:00 back to 02:00.
  const daily = { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" };
  const skipped = { from: "02:15", to: "02:45", timeZone: "Europe/Berlin" };
  const early = { days: ["Sun"], from: "00:00", to: "02:30", timeZone: "Europe/Berlin" } as const;
  const half = { from: "02:30", to: "05:00", timeZone: "Europe/Berlin" };
  test.each([
    ["it is open", office, "2026-11-24T08:00:30Z", "2026-11-24T08:00:30Z"],
    ["it has closed for the week", office, "2026-11-25T14:00:00Z", "2026-12-01T08:00:00Z"],
    ["it opens later today", office, "2026-11-24T03:00:30Z", "2026-11-24T08:00:00Z"],
    ["summer time begins before", daily, "2027-03-27T09:00:00Z", "2027-03-28T07:00:00Z"],
    ["winter time begins before", daily, "2027-10-30T08:00:00Z", "2027-10-31T08:00:00Z"],
    ["its time is skipped that night", skipped, "2027-03-28T00:30:00Z", "2027-03-29T00:15:00Z"],
    ["the clocks go back to before it closes", early, "2027-10-31T00:59:00Z", "2027-10-31T01:00:00Z"],
    ["the time it opens at is skipped that night", half, "2027-03-28T00:30:00Z", "2027-03-28T01:00:00Z"],
  ])("%s → its first minute", (_, window, from, expected) => {
    expect(new Date(nextInside(window, at(from)))).toEqual(new Date(expected));
  });

  test("any window and time → the first open minute, as a search minute by minute finds it", () => {
    const time = fc
      .tuple(fc.nat(23), fc.constantFrom(0, 15, 30, 59))
      .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
    const window = fc
      .record({
        days: fc.subarray([...weekdays], { minLength: 1 }),
        from: time,
        to: time,
        // Lord Howe's clocks change by half an hour.
        timeZone: fc.constantFrom(
          "UTC",
          "Europe/Berlin",
          "America/New_York",
          "Asia/Kolkata",
          "Australia/Lord_Howe",
        ),
      })
      .filter(({ from, to }) => from !== to);
    const changes = [
      "2027-03-28T01:00:00Z",
      "2027-10-31T01:00:00Z",
      "2027-03-14T07:00:00Z",
      "2027-04-03T15:00:00Z",
    ];
    const near = fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -3000, max: 1500 }));
    fc.assert(
      fc.property(window, near, (each, [change, minutes]) => {
        const from = at(change) + minutes * minuteMs;
        let expected = from;
        while (!isInside(each, expected)) expected += minuteMs;
        expect(new Date(nextInside(each, from))).toEqual(new Date(expected));
      }),
      { numRuns: 60 },
    );
  });
});

test.each([
  [office, "Tue, Wed, 09:00 to 15:00 (Europe/Berlin)"],
  [{ days: ["Sun"] }, "Sun (UTC)"],
  [{ from: "22:00" }, "22:00 to 00:00 (UTC)"],
] as const)("the window %j → %s", (window, text) => {
  expect(describeWindow(window)).toBe(text);
});
