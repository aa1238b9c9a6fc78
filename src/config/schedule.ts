import type { Parsed } from "./configurationProblem.ts";

interface Field {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  /** In the order of the numbers; may be shortened to three letters. */
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { name: "second", minimum: 0, maximum: 59 },
  { name: "minute", minimum: 0, maximum: 59 },
  { name: "hour", minimum: 0, maximum: 23 },
  { name: "day", minimum: 1, maximum: 31 },
  {
    name: "month",
    minimum: 1,
    maximum: 12,
    names: [
      "January",
      "February",
      "March",
      "April",
      "May",
      "June",
      "July",
      "August",
      "September",
      "October",
      "November",
      "December",
    ],
  },
  {
    name: "day of the week",
    minimum: 0,
    maximum: 6,
    names: ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
  },
];

export const scheduleRule = "an NCRONTAB expression of six fields: second minute hour day month day-of-week";

/**
 * Checks an NCRONTAB expression as the Functions host reads it, and is stricter in two places: the host turns
 * the range `22-2` into `2-22` and the step `0` into `1` without a word, which nobody means.
 *
 * @see https://github.com/atifaziz/NCrontab
 */
export function parseSchedule(text: string): Parsed<string> {
  const parts = text.split(" ").filter((part) => part !== "");
  if (parts.length !== fields.length) return wrongCount(text, parts.length);
  const selected: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const parsed = parseField(field, parts[index] ?? "");
    if (parsed.kind === "problem") return parsed;
    selected.push(parsed.value);
  }
  const [, , , days, months] = selected;
  if (days !== undefined && months !== undefined && !someDateExists(days, months)) {
    return problem("no month that it names has a day that it names", "name a day that exists");
  }
  return { kind: "value", value: parts.join(" ") };
}

function wrongCount(text: string, count: number): Parsed<never> {
  if (count === 5 && parseSchedule(`0 ${text}`).kind === "value") {
    return problem(scheduleRule, `put the second in front: "0 ${text.trim()}"`);
  }
  if (/^(?:\d+\.)?\d{1,2}:\d{2}:\d{2}$/.test(text.trim())) {
    return problem(
      scheduleRule,
      'a time span does not say when; for every day at 03:00 UTC write "0 0 3 * * *"',
    );
  }
  return problem(scheduleRule, 'for every day at 03:00 UTC write "0 0 3 * * *"');
}

function parseField(field: Field, text: string): Parsed<ReadonlySet<number>> {
  const selected = new Set<number>();
  for (const item of text.split(",")) {
    const parsed = parseItem(field, item);
    if (parsed.kind === "problem") return parsed;
    const { first, last, step } = parsed.value;
    for (let value = first; value <= last; value += step) selected.add(value);
  }
  return { kind: "value", value: selected };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

function parseItem(field: Field, item: string): Parsed<Range> {
  const [, all, from = "", to, by] =
    /^(?:(\*)|([A-Za-z]+|\d+)(?:-([A-Za-z]+|\d+))?)(?:\/(\d+))?$/.exec(item) ?? [];
  const step = by === undefined ? 1 : Number(by);
  if (step < 1)
    return problem(`a step of the ${field.name} is at least 1`, "leave the step out, or raise it");
  if (all !== undefined) return { kind: "value", value: { first: field.minimum, last: field.maximum, step } };
  const first = numberOf(field, from);
  const last = to === undefined ? (by === undefined ? first : field.maximum) : numberOf(field, to);
  if (first === undefined || last === undefined) {
    return problem(
      `the ${field.name} is ${rangeOf(field)}, * for all, or a list, range or step of them`,
      remedyOf(field),
    );
  }
  if (first > last) {
    return problem(
      `a range of the ${field.name} goes upwards`,
      `split it in two: ${first}-${field.maximum},${field.minimum}-${last}`,
    );
  }
  return { kind: "value", value: { first, last, step } };
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

function rangeOf({ minimum, maximum, names }: Field): string {
  const numbers = `${minimum} to ${maximum}`;
  return names === undefined
    ? numbers
    : `${numbers} or ${names[0]?.slice(0, 3)} to ${names.at(-1)?.slice(0, 3)}`;
}

function remedyOf(field: Field): string {
  const hints = field.name === "day of the week" ? "; Sunday is 0" : "";
  return `write a ${field.name} from ${rangeOf(field)}, or *${hints} (there is no ?, L, W or #)`;
}

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function someDateExists(days: ReadonlySet<number>, months: ReadonlySet<number>): boolean {
  const firstDay = Math.min(...days);
  return longestMonths.some((length, index) => months.has(index + 1) && firstDay <= length);
}

function problem(rule: string, remedy: string): Parsed<never> {
  return { kind: "problem", rule, remedy };
}
