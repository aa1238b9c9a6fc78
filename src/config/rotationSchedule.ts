import type { Gateway } from "../domain/target.ts";
import { type ConfigurationProblem, type Parsed, shown } from "./configurationProblem.ts";
import { firstTicks, parseSchedule } from "./schedule.ts";

const minute = 60_000;
const hour = 60 * minute;

/** Reads ROTATION_SCHEDULE: an NCRONTAB expression whose ticks are at least a minute apart. */
export function parseRotationSchedule(text: string): Parsed<string> {
  const parsed = parseSchedule(text);
  if (parsed.kind === "problem") return parsed;
  const { tick, pauseMs } = firstPause(parsed.value);
  if (pauseMs >= minute) return parsed;
  return {
    kind: "problem",
    rule: "ticks are at least a minute apart",
    remedy: `write "${withFields(parsed.value, [tick.getUTCSeconds()])}"`,
  };
}

/**
 * A gateway without `rotateEveryDays` gets a new key with every tick. An hour between two is the least that an operator
 * can mean: Key Vault keeps every version, and a version 1 gateway stops each time.
 *
 * @param expression of ROTATION_SCHEDULE, undefined where it is missing or broken
 * @param gateways the enabled ones
 */
export function rotationScheduleProblems(
  expression: string | undefined,
  gateways: readonly Gateway[],
): readonly ConfigurationProblem[] {
  const everyTick = gateways.find(({ rotateEveryDays }) => rotateEveryDays === undefined);
  if (expression === undefined || everyTick === undefined) return [];
  const { tick, pauseMs } = firstPause(expression);
  if (pauseMs >= hour) return [];
  const hourly = withFields(expression, [tick.getUTCSeconds(), tick.getUTCMinutes()]);
  return [
    {
      source: "app settings",
      path: "ROTATION_SCHEDULE",
      value: shown(expression),
      rule: `ticks are at least an hour apart while an enabled gateway has no rotateEveryDays, such as ${shown(everyTick.name)}: every tick rotates it`,
      remedy: `write "${hourly}", or set rotateEveryDays of every gateway or of "defaults"`,
    },
  ];
}

/**
 * A tick, and the milliseconds until the next. Every hour that has ticks has them at the same minutes, and every minute
 * at the same seconds: if any two ticks are less than an hour or a minute apart, the first two are.
 */
function firstPause(expression: string): { readonly tick: Date; readonly pauseMs: number } {
  const [tick = new Date(0), next] = firstTicks(expression, 2);
  return { tick, pauseMs: next === undefined ? Number.POSITIVE_INFINITY : next.getTime() - tick.getTime() };
}

/** The expression with its first fields replaced. */
const withFields = (expression: string, fields: readonly number[]): string =>
  [...fields, ...expression.split(" ").slice(fields.length)].join(" ");
