import { dayMs } from "../../words.ts";

/** The width of each timeline in its own units. The page stretches it to the available width. */
export const axisWidth = 1000;

export interface Tick {
  readonly x: number;
  readonly label: string;
}

/** One axis of time for all timelines. */
export interface Axis {
  readonly ticks: readonly Tick[];
  /** The place of the audit's own time; undefined if that is outside the axis. */
  readonly now: number | undefined;
  /** The place of a date in whole units; a date outside the axis is placed on its edge. */
  x(date: Date): number;
}

/** An axis from `from` to `to`, which is not before it, with a little room on both sides. */
export function createAxis(from: Date, to: Date, now: Date): Axis {
  const length = Math.max(to.getTime() - from.getTime(), dayMs);
  const start = from.getTime() - length * 0.01;
  const end = from.getTime() + length * 1.03;
  const x = (date: Date): number =>
    Math.round((Math.min(Math.max(date.getTime(), start), end) - start) / ((end - start) / axisWidth));
  const isInside = now.getTime() >= start && now.getTime() <= end;
  return {
    now: isInside ? x(now) : undefined,
    x,
    ticks: ticks(new Date(start), new Date(end)).map(({ date, label }) => ({ x: x(date), label })),
  };
}

interface Step {
  readonly unit: "hour" | "day" | "month";
  readonly size: number;
}

const steps: readonly Step[] = [
  ...[1, 3, 6, 12].map((size) => ({ unit: "hour", size }) as const),
  ...[1, 2, 5, 10].map((size) => ({ unit: "day", size }) as const),
  ...[1, 2, 3, 6, 12, 24, 60, 120].map((size) => ({ unit: "month", size }) as const),
];

const mostTicks = 8;
const hoursOf = { hour: 1, day: 24, month: 30.4 * 24 } as const;

/** Round dates, as many as a reader can tell apart. */
function ticks(from: Date, to: Date): readonly { readonly date: Date; readonly label: string }[] {
  const hours = (to.getTime() - from.getTime()) / (dayMs / 24);
  const step = steps.find(({ unit, size }) => hours / (hoursOf[unit] * size) <= mostTicks) ?? steps.at(-1);
  if (step === undefined) return [];
  const found: { readonly date: Date; readonly label: string }[] = [];
  for (let index = 0; found.length <= mostTicks + 2; index++) {
    const date = roundDate(from, step, index);
    if (date > to) break;
    if (date >= from) found.push({ date, label: labelOf(date, step) });
  }
  return found;
}

/** The round date with this index: index 0 is not after `from`, and each next one is a step later. */
function roundDate(from: Date, { unit, size }: Step, index: number): Date {
  const [year, month, day] = [from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()];
  switch (unit) {
    case "hour":
      return new Date(Date.UTC(year, month, day, index * size));
    case "day": {
      const start = Math.floor(Date.UTC(year, month, day) / dayMs / size) * size;
      return new Date((start + index * size) * dayMs);
    }
    case "month": {
      const start = Math.floor((year * 12 + month) / size) * size + index * size;
      return new Date(Date.UTC(Math.floor(start / 12), start % 12));
    }
  }
}

const format = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });

const formats = {
  hour: format({ hour: "2-digit", minute: "2-digit" }),
  day: format({ day: "numeric", month: "short" }),
  month: format({ month: "short", year: "numeric" }),
  year: format({ year: "numeric" }),
} as const;

function labelOf(date: Date, { unit, size }: Step): string {
  if (unit === "hour") return formats[date.getUTCHours() === 0 ? "day" : "hour"].format(date);
  return formats[unit === "month" && size >= 12 ? "year" : unit].format(date);
}
