import { Cron } from "croner";
import { type Parsed, problem, value } from "./configurationProblem.ts";

interface Field {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  /** In the order of the numbers; may be shortened to three letters. */
  readonly names?: readonly string[];
}

const months = "January February March April May June July August September October November December".split(
  " ",
);
const weekdays = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const fields: readonly Field[] = [
  { name: "second", minimum: 0, maximum: 59 },
  { name: "minute", minimum: 0, maximum: 59 },
  { name: "hour", minimum: 0, maximum: 23 },
  { name: "day", minimum: 1, maximum: 31 },
  { name: "month", minimum: 1, maximum: 12, names: months },
  { name: "day of the week", minimum: 0, maximum: 6, names: weekdays },
];

export const scheduleRule = "an NCRONTAB expression of six fields: second minute hour day month day-of-week";

/**
 * Checks an NCRONTAB expression as the Functions host reads it. It is stricter in three places, where the host silently
 * does what no operator means: the range `22-2` (the host reads `2-22`), the step `0` (it reads `1`) and a step that is
 * larger than the field (it selects one value).
 *
 * @returns the expression with single spaces
 * @see https://github.com/atifaziz/NCrontab
 */
export const parseSchedule = (text: string): Parsed<string> => readSchedule(text, value);

/** @param check what else holds of an expression, so that no remedy proposes one for which it does not */
function readSchedule(text: string, check: (expression: string) => Parsed<string>): Parsed<string> {
  const parts = text.split(" ").filter((part) => part !== "");
  if (parts.length !== fields.length) return wrongCount(text, parts.length);
  for (const [index, field] of fields.entries()) {
    const items = (parts[index] ?? "").split(",");
    for (const [place, item] of items.entries()) {
      const fault = faultOf(field, item);
      if (fault === undefined) continue;
      const { rule, remedy, instead } = fault;
      const meant = instead && parts.with(index, items.with(place, instead).join(",")).join(" ");
      const proposed = meant !== undefined && readSchedule(meant, check).kind === "value";
      return problem(rule, proposed ? `write "${meant}"` : remedy);
    }
  }
  const expression = parts.join(" ");
  return firstTicks(expression, 1).length === 0
    ? problem("no month that it names has a day that it names", "name a day that exists")
    : check(expression);
}

/** The first ticks of the year 2000 or later: the same on every day that this is asked. */
export function firstTicks(expression: string, count: number): readonly Date[] {
  return createCron(expression).nextRuns(count, new Date(Date.UTC(2000, 0, 1) - 1));
}

/**
 * The ticks, in UTC, of an expression that {@link parseSchedule} accepted. Day of the month and day of the week must both
 * match, and `8/4` is `8-59/4`, as in NCRONTAB.
 *
 * @example createCron("0 0 3 * * *").nextRun(now)
 */
export function createCron(expression: string): Cron {
  const numbers = expression.split(" ").map((part, index) => withoutNames(part, fields[index]));
  return new Cron(numbers.join(" "), { mode: "6-part", utcOffset: 0, domAndDow: true, sloppyRanges: true });
}

/** Croner reads names of three letters only. */
const withoutNames = (part: string, field: Field | undefined): string =>
  part.replace(/[a-z]+/gi, (name) => String((field && numberOf(field, name)) ?? name));

function wrongCount(text: string, count: number): Parsed<never> {
  if (count === 5 && parseSchedule(`0 ${text}`).kind === "value") {
    return problem(scheduleRule, `put the second in front: "0 ${text.trim()}"`);
  }
  const isTimeSpan = /^(?:\d+\.)?\d{1,2}:\d{2}:\d{2}$/.test(text.trim());
  const why = isTimeSpan ? "a time span has no time of day; " : "";
  return problem(scheduleRule, `${why}for every day at 03:00 UTC write "0 0 3 * * *"`);
}

/** `*`, `5`, `5-9`, each with or without a step: `5-9/2` */
const itemPattern = /^(?:\*|([A-Za-z]+|\d+)(?:-([A-Za-z]+|\d+))?)(?:\/(\d+))?$/;

interface Fault {
  readonly rule: string;
  readonly remedy: string;
  /** The item that is meant, where that is clear. */
  readonly instead?: string;
}

function faultOf(field: Field, item: string): Fault | undefined {
  const { name, minimum, maximum } = field;
  const match = itemPattern.exec(item);
  const [, from, to, step] = match ?? [];
  const first = from === undefined ? minimum : numberOf(field, from);
  const last = to === undefined ? maximum : numberOf(field, to);
  if (match === null || first === undefined || last === undefined) {
    return {
      rule: `the ${name} is ${rangeOf(field)}, * for all, or a list, range or step of them`,
      remedy: remedyOf(field),
    };
  }
  if (first > last) {
    const instead = `${first}-${maximum},${minimum}-${last}`;
    return { rule: `a range of the ${name} goes upwards`, remedy: `split it in two: ${instead}`, instead };
  }
  const largest = maximum - minimum + 1;
  if (step !== undefined && (Number(step) < 1 || Number(step) > largest)) {
    return {
      rule: `a step of the ${name} is 1 to ${largest}: a larger one selects its first value alone, and the host reads 0 as 1`,
      remedy: `leave the step out, or write 1 to ${largest}`,
      ...(Number(step) === 0 ? {} : { instead: String(first) }),
    };
  }
  return undefined;
}

function numberOf({ minimum, maximum, names = [] }: Field, text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    return value >= minimum && value <= maximum ? value : undefined;
  }
  if (text.length < 3) return undefined;
  const index = names.findIndex((name) => name.toLowerCase().startsWith(text.toLowerCase()));
  return index < 0 ? undefined : index + minimum;
}

function rangeOf({ minimum, maximum, names = [] }: Field): string {
  const [first, last] = [names[0], names.at(-1)].map((name) => name?.slice(0, 3));
  return `${minimum} to ${maximum}${first === undefined ? "" : ` or ${first} to ${last}`}`;
}

function remedyOf(field: Field): string {
  const hint = field.names === weekdays ? "; Sunday is 0" : "";
  return `write a ${field.name} from ${rangeOf(field)}, or *${hint} (there is no ?, L, W or #)`;
}

const minute = 60_000;

/** Reads ROTATION_SCHEDULE: an NCRONTAB expression whose ticks are at least a minute apart. */
export const parseRotationSchedule = (text: string): Parsed<string> =>
  readSchedule(text, (expression) => {
    const { tick, pauseMs } = firstPause(expression);
    if (pauseMs >= minute) return value(expression);
    const everyMinute = withFields(expression, [tick.getUTCSeconds()]);
    return problem("ticks are at least a minute apart", `write "${everyMinute}"`);
  });

/**
 * A tick, and the milliseconds until the next. Every hour that has ticks has them at the same minutes, and every minute
 * at the same seconds: if any two ticks are less than an hour or a minute apart, the first two are.
 */
export function firstPause(expression: string): { readonly tick: Date; readonly pauseMs: number } {
  const [tick = new Date(0), next] = firstTicks(expression, 2);
  return { tick, pauseMs: next === undefined ? Number.POSITIVE_INFINITY : next.getTime() - tick.getTime() };
}

/** The expression with its first fields replaced. */
export const withFields = (expression: string, fields: readonly number[]): string =>
  [...fields, ...expression.split(" ").slice(fields.length)].join(" ");
