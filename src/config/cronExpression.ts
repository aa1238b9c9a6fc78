import { Cron } from "croner";
import { type Parsed, problem, value } from "./configurationProblem.ts";

/** The fields of an expression: what each is called, and its values. */
const fields = [
  ["second", "0 to 59"],
  ["minute", "0 to 59"],
  ["hour", "0 to 23"],
  ["day", "1 to 31"],
  ["month", "1 to 12 or Jan to Dec"],
  ["day of the week", "0 to 6 or Sun to Sat"],
] as const;

/**
 * Checks an NCRONTAB expression as the Functions host reads it. It is stricter in three places, where the host silently
 * does what no operator means: the range `22-2` (the host reads `2-22`), the step `0` (it reads `1`) and a step that is
 * larger than the field (it selects one value).
 *
 * @returns the expression with single spaces
 * @see https://github.com/atifaziz/NCrontab
 */
export function parseCronExpression(text: string): Parsed<string> {
  const parts = text.split(" ").filter((part) => part !== "");
  const expression = parts.join(" ");
  if (parts.length !== fields.length) {
    const withSecond = `0 ${expression}`;
    const isFive = parts.length === 5 && parseCronExpression(withSecond).kind === "value";
    return problem(
      "an NCRONTAB expression of six fields with spaces between: second minute hour day month day-of-week",
      isFive ? `put the second in front: "${withSecond}"` : 'for every day at 03:00 UTC write "0 0 3 * * *"',
    );
  }
  const wrong = fields.find((_, index) => !isLegal(fields.map((_, at) => (at === index ? parts[at] : "*"))));
  if (wrong !== undefined) {
    const [name, values] = wrong;
    return problem(
      `the ${name} is ${values}, * for all, or a list, range or step of them: a range goes upwards (22-23,0-2 instead of 22-2), and a step is 1 or more and no larger than the field`,
      `write the ${name} with values from ${values}, or *; Sunday is 0, and there is no ?, L, W or #`,
    );
  }
  return firstTicks(expression, 1).length === 0
    ? problem("at least one of its months has one of its days", "name a day that exists")
    : value(expression);
}

/** `*`, `5` or `5-9`, each with or without a step: `5-9/2` */
const item = String.raw`(?:\*|\d+(?:-\d+)?)(?:/\d+)?`;
const form = new RegExp(`^(?:${item}(?:,${item})*(?: |$)){6}$`);
const sundayAs7 = /[ ,-]0*7(?:[,/-][^ ]*)?$/;

/** Croner alone would also read `?`, `L`, `W`, `#`, `+`, `/5` and, as Sunday, 7. */
function isLegal(parts: readonly (string | undefined)[]): boolean {
  const expression = parts.join(" ");
  const numbers = withoutNames(expression);
  if (!form.test(numbers) || sundayAs7.test(numbers)) return false;
  try {
    createCron(expression);
    return true;
  } catch {
    return false;
  }
}

/**
 * The ticks, in UTC, of an expression that {@link parseCronExpression} accepted. Day of the month and day of the week
 * must both match, and `8/4` is `8-59/4`, as in NCRONTAB.
 *
 * @example createCron("0 0 3 * * *").nextRun(now)
 */
export const createCron = (expression: string): Cron =>
  new Cron(withoutNames(expression), { mode: "6-part", utcOffset: 0, domAndDow: true, sloppyRanges: true });

const months = "january february march april may june july august september october november december".split(
  " ",
);
const weekdays = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

/** NCRONTAB reads the first three letters of a name, or more. Croner reads three. */
const withoutNames = (expression: string): string =>
  expression
    .split(" ")
    .map((part, index) =>
      part.replace(/(?<!\w)[a-z]{3,}(?!\w)/gi, (word) => {
        const names = index === 4 ? ["", ...months] : index === 5 ? weekdays : [];
        const number = names.findIndex((name) => name.startsWith(word.toLowerCase()));
        return number < 0 ? word : String(number);
      }),
    )
    .join(" ");

/** The first ticks from the year 2000 on, so that the answer does not depend on the present day. */
export const firstTicks = (expression: string, count: number): readonly Date[] =>
  createCron(expression).nextRuns(count, new Date(Date.UTC(2000, 0, 1) - 1));
