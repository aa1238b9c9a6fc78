import type { Gateway } from "./target.ts";

export const dayMs = 86_400_000;

/** A daily tick that comes a few minutes early must not postpone a rotation by a day. */
export const slackMs = 30 * 60_000;

/**
 * From when on a tick rotates a gateway that was rotated at `rotatedAt`, both in milliseconds since 1970. Its window may
 * postpone that further.
 */
export const dueFrom = (
  { rotateEveryDays = 0 }: Pick<Gateway, "rotateEveryDays">,
  rotatedAt: number,
): number => rotatedAt + rotateEveryDays * dayMs - slackMs;

export const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/** When the schedule may rotate a gateway, such as when its operators are there. */
export interface RotationWindow {
  /** The days on which it opens. Default: every day. */
  readonly days?: readonly (typeof weekdays)[number][] | undefined;
  /** `HH:MM`. Default: midnight. */
  readonly from?: string | undefined;
  /** `HH:MM`, when it closes: on the next day if that is not after `from`. Default: midnight. */
  readonly to?: string | undefined;
  /** An IANA name. Default: UTC. */
  readonly timeZone?: string | undefined;
}

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

/** Whether the window is open at `time`, in milliseconds since 1970. A gateway without a window may be rotated at any time. */
export function isInside(window: RotationWindow | undefined, time: number): boolean {
  if (window === undefined) return true;
  const { day, minute } = localTime(window, time);
  const { opens, closes } = minutesOf(window);
  if (closes > opens) return minute >= opens && minute < closes && opensOn(window, day);
  return (minute >= opens && opensOn(window, day)) || (minute < closes && opensOn(window, day - 1));
}

/**
 * The first minute from `time` on in which the window is open, in milliseconds since 1970; `time` itself if it is
 * open then.
 */
export function nextInside(window: RotationWindow | undefined, time: number): number {
  if (window === undefined || isInside(window, time)) return time;
  const { day, minute } = localTime(window, time);
  const { opens } = minutesOf(window);
  const after = [0, 1, 2, 3, 4, 5, 6, 7].findIndex(
    (days) => opensOn(window, day + days) && days * dayMinutes + opens > minute,
  );
  const start = Math.floor(time / minuteMs);
  const expected = start + after * dayMinutes + opens - minute;
  const offsetAt = (at: number) => (localTime(window, at * minuteMs).minute - at) % dayMinutes;
  if (offsetAt(start) === offsetAt(expected)) return expected * minuteMs;
  // The zone's offset changes before that: the window stays closed until the change, and can open at that moment.
  let [before, changed] = [start, expected];
  while (changed - before > 1) {
    const middle = Math.floor((before + changed) / 2);
    if (offsetAt(middle) === offsetAt(start)) before = middle;
    else changed = middle;
  }
  return nextInside(window, changed * minuteMs);
}

/** `Tue, Wed, 09:00 to 15:00 (Europe/Berlin)` */
export function describeWindow({ days = [], from, to, timeZone = "UTC" }: RotationWindow): string {
  const hours = from === undefined && to === undefined ? [] : [`${from ?? "00:00"} to ${to ?? "00:00"}`];
  return `${[...days, ...hours].join(", ")} (${timeZone})`;
}

/** @param day an index of {@link weekdays}; -1 is Sunday, 7 is Monday, and so on */
const opensOn = ({ days = weekdays }: RotationWindow, day: number): boolean =>
  days.some((name) => weekdays.indexOf(name) === (day + 7) % 7);

function minutesOf({ from = "00:00", to = "00:00" }: RotationWindow) {
  const [opens = 0, closes = 0] = [from, to].map((text) => {
    const [hours = 0, minutes = 0] = text.split(":").map(Number);
    return hours * 60 + minutes;
  });
  return { opens, closes };
}

const dayNames: readonly string[] = weekdays;

/** By time zone: creating a format takes fifty times as long as using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** The day, as in {@link weekdays}, and the minute of the day in the window's time zone. */
function localTime({ timeZone = "UTC" }: RotationWindow, time: number) {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  formats.set(timeZone, format);
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
  return {
    day: dayNames.indexOf(parts.get("weekday") ?? ""),
    minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")),
  };
}
