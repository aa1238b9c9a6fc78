/** A time span: not a number, since Kusto calculates with times in another way. */
export class Timespan {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A dynamic value that is no scalar: an array or an object of JSON. */
export interface Bag {
  readonly [key: string]: unknown;
}

/** A scalar of Kusto. Its strings are never null. */
export type Value = null | string | number | boolean | Date | Timespan | Bag;

/** What JSON holds, as a value of Kusto. */
export function fromJson(json: unknown): Value {
  if (json === undefined || json === null) return null;
  if (typeof json === "string" || typeof json === "number" || typeof json === "boolean") return json;
  return Object.fromEntries(Object.entries(json));
}

const sizeOf = (value: Value): number | string | undefined => {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Timespan) return value.ms;
  if (typeof value === "boolean") return Number(value);
  return typeof value === "object" ? undefined : value;
};

/** Negative, 0 or positive; null where either is null. Values of different types cannot be compared. */
export function compare(left: Value, right: Value): number | null {
  if (left === null || right === null) return null;
  const [a, b] = [sizeOf(left), sizeOf(right)];
  if (a === undefined || b === undefined || typeof a !== typeof b)
    throw new TypeError(`Cannot compare ${JSON.stringify(left)} with ${JSON.stringify(right)}`);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Two nulls are neither equal nor unequal; a null and another value are unequal. */
export function equal(left: Value, right: Value): boolean | null {
  if (left === null && right === null) return null;
  return compare(left, right) === 0;
}

/** A date plus a time span, a number times a time span, and so on; null where either is null. */
export function calculate(operator: "+" | "-" | "*", left: Value, right: Value): Value {
  if (left === null || right === null) return null;
  const [a, b] = [sizeOf(left), sizeOf(right)];
  if (typeof a !== "number" || typeof b !== "number")
    throw new TypeError(`Cannot calculate with ${left} and ${right}`);
  const result = operator === "+" ? a + b : operator === "-" ? a - b : a * b;
  const dates = [left, right].filter((value) => value instanceof Date).length;
  if (dates === 1) return new Date(result);
  return dates === 2 || left instanceof Timespan || right instanceof Timespan ? new Timespan(result) : result;
}

const toDate = (text: string): Date | null => {
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) || /Z$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
};
const toNumber = (value: Value): number | null => {
  if (typeof value === "number") return value;
  const isNumber = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
  return isNumber ? Number(value) : null;
};
const toBool = (value: Value): boolean | null => {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : null;
};

/** A literal's text as the value of its type; the text of a null is `null`. */
export function literal(type: string, text: string): Value {
  if (type !== "string" && text === "null") return null;
  if (type === "string") return text;
  if (type === "datetime") return toDate(text);
  if (type === "timespan") return toTimespan(text);
  if (type === "bool") return toBool(text);
  if (type === "long" || type === "int" || type === "real") return toNumber(text);
  throw new TypeError(`No literals of type ${type}`);
}

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function toTimespan(text: string): Timespan {
  const [, amount, unit] = /^([\d.]+)(d|h|m|s|ms)$/.exec(text) ?? [];
  const factor = unitMs[unit ?? ""];
  if (factor === undefined) throw new TypeError(`No time span: ${text}`);
  return new Timespan(Number(amount) * factor);
}

/** The functions that the queries of alerts call, but for now() and ago(), which need the time. */
export const functions: Readonly<Record<string, (...values: readonly Value[]) => Value>> = {
  tostring: (value = null) => {
    if (value === null) return "";
    if (value instanceof Date) return value.toISOString().replace("Z", "0000Z");
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  },
  todatetime: (value = null) =>
    value instanceof Date ? value : typeof value === "string" ? toDate(value) : null,
  tolong: (value = null) => {
    const number = toNumber(value);
    return number === null ? null : Math.trunc(number);
  },
  tobool: (value = null) => toBool(value),
  isnull: (value = null) => value === null,
  isempty: (value = null) => value === null || value === "",
  isnotempty: (value = null) => value !== null && value !== "",
  not: (value = null) => (value === null ? null : value !== true),
  iff: (condition = null, then = null, otherwise = null) => (condition === true ? then : otherwise),
};
