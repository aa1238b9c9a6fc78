import { type Parsed, problem, value } from "./configurationProblem.ts";

/** A rule in words, and the function that checks a text against it. */
export interface SettingRule<T> {
  readonly rule: string;
  readonly parse: (text: string) => Parsed<T>;
}

export function text(rule: string, pattern: RegExp, remedy: string): SettingRule<string> {
  return { rule, parse: (given) => (pattern.test(given) ? value(given) : problem(rule, remedy)) };
}

export const anyText: SettingRule<string> = { rule: "any text", parse: value };

export function wholeNumber(minimum: number, maximum: number): SettingRule<number> {
  const rule = `a whole number from ${minimum} to ${maximum}`;
  return {
    rule,
    parse: (given) => {
      const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
      return number >= minimum && number <= maximum
        ? value(number)
        : problem(rule, `write digits only, from ${minimum} to ${maximum}`);
    },
  };
}

/** In any casing, as the platform writes it. */
export const trueOrFalse: SettingRule<boolean> = {
  rule: "True or False",
  parse: (given) =>
    /^(?:true|false)$/i.test(given)
      ? value(given.toLowerCase() === "true")
      : problem("True or False", 'write "True" or "False", or remove the setting'),
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
  parse: (given) => {
    if (/^-|^(?:unlimited|infinite)$/i.test(given)) {
      return problem(
        "a time-out that ends: every claim and every wait is calculated from the longest time that an invocation can take",
        'write a time span such as "00:30:00"',
      );
    }
    const [, hours, minutes, seconds] = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/.exec(given) ?? [];
    const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
    return total > 0
      ? value(total * 1000)
      : problem(durationRule, 'write hours, minutes and seconds, such as "00:30:00"');
  },
};
