import { Cron } from "croner";
import {
  describeWindow,
  dueFrom,
  isInside,
  nextInside,
  type RotationWindow,
} from "../domain/rotationWindow.ts";
import type { Gateway } from "../domain/target.ts";
import {
  type ConfigurationProblem,
  type Parsed,
  problem,
  shown,
  value,
  type Words,
} from "./configurationProblem.ts";

/** The fields of an NCRONTAB expression: what each is called, and its values. */
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

const minute = 60_000;
const hour = 60 * minute;

/**
 * Finds the next tick that rotates a gateway, by its period and its window.
 *
 * @param rotatedAt its last rotation; undefined: never. This and `now` are in milliseconds since 1970
 * @returns undefined: its window contains no tick
 */
export type NextTick = (
  gateway: Pick<Gateway, "rotateEveryDays" | "window">,
  rotatedAt: number | undefined,
  now: number,
) => Date | undefined;

/**
 * @param schedule that `parseCronExpression` accepted
 * @example nextTickOf(settings.rotationSchedule)(gateway, undefined, Date.now())
 */
export function nextTickOf(schedule: string): NextTick {
  const cron = createCron(schedule);
  return (gateway, rotatedAt, now) => {
    const from = rotatedAt === undefined ? now : Math.max(now, dueFrom(gateway, rotatedAt) - 1);
    return tickInside(cron, gateway.window, from);
  };
}

/** Enough for the rarest tick that a schedule, a window's days and a zone's summer time can have in common. */
const mostTicks = 1000;

/** The first tick after `from` at which the window is open. */
function tickInside(cron: Cron, window: RotationWindow | undefined, from: number): Date | undefined {
  let after = Math.max(from, nextInside(window, from) - 1);
  for (let ticks = 0; ticks < mostTicks; ticks += 1) {
    const tick = cron.nextRun(new Date(after));
    if (tick === null || isInside(window, tick.getTime())) return tick ?? undefined;
    // A tick at the moment when the window opens is inside.
    after = nextInside(window, tick.getTime()) - 1;
  }
  return undefined;
}

/**
 * Whether the functions host fires a missed tick more than an hour after its time. If it missed several, the last counts.
 *
 * @param now in milliseconds since 1970
 */
export function isLateTick(schedule: string, isPastDue: boolean, now: number): boolean {
  const [missed] = createCron(schedule).previousRuns(1, new Date(now));
  return isPastDue && (missed === undefined || now - missed.getTime() > hour);
}

/**
 * What is wrong with a schedule for these gateways.
 *
 * @param schedule undefined if ROTATION_SCHEDULE is missing or broken
 * @param gateways the enabled ones
 */
export function rotationScheduleProblems(
  schedule: string | undefined,
  gateways: readonly Gateway[],
): readonly ConfigurationProblem[] {
  if (schedule === undefined) return [];
  return [tooOften(schedule, gateways), outsideWindows(schedule, gateways)].flatMap((words) =>
    words === undefined
      ? []
      : [{ source: "app settings", path: "ROTATION_SCHEDULE", value: shown(schedule), ...words }],
  );
}

/**
 * A gateway without `rotateEveryDays` gets a new key with every tick. Ticks less than an hour apart are a mistake: Key
 * Vault keeps every version, and a version 1 gateway stops each time.
 */
function tooOften(schedule: string, gateways: readonly Gateway[]): Words | undefined {
  const everyTick = gateways.find(({ rotateEveryDays }) => rotateEveryDays === undefined);
  // Every hour that has ticks has them at the same minutes, and every minute at the same seconds: if any two ticks are
  // less than an hour or a minute apart, the first two are.
  const [first = new Date(0), second] = firstTicks(schedule, 2);
  const pauseMs = second === undefined ? Number.POSITIVE_INFINITY : second.getTime() - first.getTime();
  if (pauseMs >= (everyTick === undefined ? minute : hour)) return undefined;
  const [, minutes, ...hours] = schedule.split(" ");
  const write = (at: number | string | undefined) =>
    `write "${[first.getUTCSeconds(), at, ...hours].join(" ")}"`;
  if (everyTick === undefined) return { rule: "ticks are at least a minute apart", remedy: write(minutes) };
  return {
    rule: `ticks are at least an hour apart while an enabled gateway has no rotateEveryDays, such as ${shown(everyTick.name)}: every tick rotates it`,
    remedy: `${write(first.getUTCMinutes())}, or set rotateEveryDays of every gateway or of "defaults"`,
  };
}

/** So far ahead, every time zone has today's rules: the answer does not depend on the present day. */
const winter = Date.UTC(2040, 0, 1);
const summer = Date.UTC(2040, 6, 1);

function outsideWindows(schedule: string, gateways: readonly Gateway[]): Words | undefined {
  const missed = missedWindows(schedule, gateways);
  if (missed.length === 0) return undefined;
  const named = missed.slice(0, 5).map(({ name, window }) => `${shown(name)} (${describeWindow(window)})`);
  if (missed.length > named.length) named.push(`${missed.length - named.length} more`);
  const proposed = proposals(schedule, missed).find(
    (text) =>
      parseCronExpression(text).kind === "value" &&
      tooOften(text, gateways) === undefined &&
      missedWindows(text, gateways).length === 0,
  );
  return {
    rule: `some tick, in UTC, is in each gateway's window, but none is in that of ${named.join(", ")}`,
    remedy: `${proposed === undefined ? "let it tick also while the windows are open" : `write "${proposed}"`}, or change the window`,
  };
}

/** The first gateway of each window in which the schedule never ticks. */
function missedWindows(schedule: string, gateways: readonly Gateway[]) {
  const windowed = gateways.flatMap(({ name, window }) => (window === undefined ? [] : [{ name, window }]));
  const byWindow = Map.groupBy(windowed, ({ window }) => JSON.stringify(window));
  const cron = createCron(schedule);
  return [...byWindow.values()].flatMap(([first]) =>
    first === undefined || tickInside(cron, first.window, winter - 1) !== undefined ? [] : [first],
  );
}

/** The same schedule, also in the hours at which the windows open, in winter and in summer. */
function proposals(schedule: string, missed: ReturnType<typeof missedWindows>): readonly string[] {
  const opens = missed.flatMap(({ window }) =>
    [winter, summer].map((from) => new Date(nextInside(window, from))),
  );
  const [second, minute, hours = "*", ...days] = schedule.split(" ");
  const more = hours === "*" ? hours : [hours, ...new Set(opens.map((time) => time.getUTCHours()))].join(",");
  return [
    `${second} ${minute} ${more} ${days.join(" ")}`,
    `${second} ${opens[0]?.getUTCMinutes()} ${more} * * *`,
  ];
}
