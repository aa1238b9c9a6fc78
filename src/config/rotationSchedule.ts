import type { Cron } from "croner";
import {
  describeWindow,
  dueFrom,
  isInside,
  nextInside,
  type RotationWindow,
} from "../domain/rotationWindow.ts";
import type { Gateway } from "../domain/target.ts";
import { type ConfigurationProblem, shown, type Words } from "./configurationProblem.ts";
import { createCron, firstTicks, parseCronExpression } from "./cronExpression.ts";

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
