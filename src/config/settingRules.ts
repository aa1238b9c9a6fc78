import type { Parsed } from "./configurationProblem.ts";

/** A rule in words, and the function that checks a text against it. */
export interface SettingRule<T> {
  readonly rule: string;
  readonly parse: (text: string) => Parsed<T>;
}

export function text(rule: string, pattern: RegExp, remedy: string): SettingRule<string> {
  return {
    rule,
    parse: (value) => (pattern.test(value) ? { kind: "value", value } : { kind: "problem", rule, remedy }),
  };
}

export const anyText: SettingRule<string> = {
  rule: "any text",
  parse: (value) => ({ kind: "value", value }),
};

export function wholeNumber(minimum: number, maximum: number): SettingRule<number> {
  const rule = `a whole number from ${minimum} to ${maximum}`;
  return {
    rule,
    parse: (value) => {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= minimum && number <= maximum
        ? { kind: "value", value: number }
        : { kind: "problem", rule, remedy: `write digits only, from ${minimum} to ${maximum}` };
    },
  };
}

/** In any casing, as the platform writes it. */
export const trueOrFalse: SettingRule<boolean> = {
  rule: "True or False",
  parse: (value) =>
    /^(?:true|false)$/i.test(value)
      ? { kind: "value", value: value.toLowerCase() === "true" }
      : { kind: "problem", rule: "True or False", remedy: 'write "True" or "False", or remove the setting' },
};

export const guid = text(
  "a GUID",
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  "write the Client ID that the portal shows for the managed identity, not its name or resource id",
);

const durationRule = "a time span hh:mm:ss, of one second to a day";

/** Milliseconds from `hh:mm:ss`. The host's `-1` (unlimited) is refused. */
export const duration: SettingRule<number> = {
  rule: durationRule,
  parse: (value) => {
    if (/^-|^(?:unlimited|infinite)$/i.test(value)) {
      return {
        kind: "problem",
        rule: "a time-out that ends: every claim and every wait is calculated from the longest time that an invocation can take",
        remedy: 'write a time span such as "00:30:00"',
      };
    }
    const [, hours, minutes, seconds] = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/.exec(value) ?? [];
    const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
    return total > 0
      ? { kind: "value", value: total * 1000 }
      : {
          kind: "problem",
          rule: durationRule,
          remedy: 'write hours, minutes and seconds, such as "00:30:00"',
        };
  },
};
