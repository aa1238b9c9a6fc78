import fc from "fast-check";

const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekdayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Bounds, names, and the part of a time. */
type Field = readonly [number, number, readonly string[], (time: Date) => number];

const fields: readonly Field[] = [
  [0, 59, [], (time) => time.getUTCSeconds()],
  [0, 59, [], (time) => time.getUTCMinutes()],
  [0, 23, [], (time) => time.getUTCHours()],
  [1, 31, [], (time) => time.getUTCDate()],
  [1, 12, monthNames, (time) => time.getUTCMonth() + 1],
  [0, 6, weekdayNames, (time) => time.getUTCDay()],
];

/** Expressions whose fields are legal; the date that they name may not exist. */
export const expressionText: fc.Arbitrary<string> = fc
  .tuple(...fields.map(([minimum, maximum, names]) => fieldText(minimum, maximum, names)))
  .map((parts) => parts.join(" "));

function fieldText(minimum: number, maximum: number, names: readonly string[]): fc.Arbitrary<string> {
  const number = fc.integer({ min: minimum, max: maximum });
  const nameOf = (value: number, asName: boolean) =>
    (asName ? names[value - minimum] : undefined) ?? String(value);
  const named = fc.tuple(number, fc.boolean()).map(([value, asName]) => nameOf(value, asName));
  const range = fc.tuple(number, number, fc.boolean()).map(([a, b, asName]) => {
    return [Math.min(a, b), Math.max(a, b)].map((value) => nameOf(value, asName)).join("-");
  });
  const base = fc.oneof(fc.constant("*"), named, range);
  const step = fc.option(fc.integer({ min: 1, max: maximum - minimum + 1 }));
  const item = fc.tuple(base, step).map(([text, by]) => (by === null ? text : `${text}/${by}`));
  return fc.oneof(
    fc.constant("*"),
    named,
    fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(",")),
  );
}

export interface CronOracle {
  matches(time: Date): boolean;
  /** The ticks of a day that has some, in seconds since midnight. */
  timesOfDay(): readonly number[];
}

/** The ticks of a legal NCRONTAB expression, in the plainest way; undefined: it has none. */
export function cronOracle(expression: string): CronOracle | undefined {
  const selected = expression.split(" ").map((part, index) => select(part, index));
  const months = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const exists = months.some(
    (length, index) => selected[4]?.has(index + 1) && [...(selected[3] ?? [])].some((day) => day <= length),
  );
  if (!exists) return undefined;
  const valuesOf = (index: number) => [...(selected[index] ?? [])].sort((a, b) => a - b);
  return {
    matches: (time) => fields.every(([, , , partOf], index) => selected[index]?.has(partOf(time))),
    timesOfDay: () =>
      valuesOf(2).flatMap((hour) =>
        valuesOf(1).flatMap((minute) => valuesOf(0).map((second) => (hour * 60 + minute) * 60 + second)),
      ),
  };
}

function select(part: string, index: number): ReadonlySet<number> {
  const field = fields[index];
  if (field === undefined) throw new Error(`There is no field ${index}.`);
  const [minimum, maximum, names] = field;
  const numberOf = (text: string) => (names.includes(text) ? names.indexOf(text) + minimum : Number(text));
  const values = part.split(",").flatMap((item) => {
    const [range = "", step] = item.split("/");
    const [from = "", to] = range === "*" ? [String(minimum), String(maximum)] : range.split("-");
    const last = to ?? (step === undefined ? from : String(maximum));
    const found: number[] = [];
    for (let value = numberOf(from); value <= numberOf(last); value += Number(step ?? 1)) found.push(value);
    return found;
  });
  return new Set(values);
}
