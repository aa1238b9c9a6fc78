import { createCron, nextTickOf } from "../../src/config/schedule.ts";
import { describeWindow } from "../../src/domain/rotationWindow.ts";
import { type Gateway, hasTwoKeys } from "../../src/domain/target.ts";
import { formatTable } from "../table.ts";
import { count, list, listSome, utc } from "../words.ts";
import type { Checked } from "./check.ts";

/** A legal setting that is probably a mistake. */
export interface Warning {
  readonly gateways: readonly string[];
  readonly message: string;
  readonly action: string;
}

type Valid = Extract<Checked, { readonly kind: "valid" }>;

const shownTicks = 3;

/** What the next ticks will do with each gateway, for a terminal. */
export function renderOutlook(source: string, { gateways, schedule }: Valid, now: Date): string {
  const ticks = schedule === undefined ? [] : createCron(schedule).nextRuns(shownTicks, now);
  const rows = gateways.map((gateway) => ({
    cells: [
      gateway.name,
      gateway.target.kind,
      `${gateway.secret.secretName} in ${gateway.secret.vaultUrl.replace(/^https:\/\//, "")}`,
      whenRotated(gateway),
      inWhichWindow(gateway, schedule, now),
      hasTwoKeys(gateway.target) ? "no one: its other key still works" : "its host, until it has the new key",
    ],
  }));
  const warnings = warningsOf({ gateways, schedule }, now);
  return [
    `${source}: ${count(gateways.length, "gateway")}, no problem.`,
    schedule === undefined
      ? "The schedule is not known: add --schedule with the app setting ROTATION_SCHEDULE to see the next ticks."
      : `The next ticks of "${schedule}": ${list(ticks.map(utc))}. The first tick rotates every gateway that was never rotated.`,
    "",
    formatTable(["gateway", "kind", "secret", "a tick rotates it", "in its window", "who stops"], rows),
    ...(warnings.length === 0 ? [] : ["", ...warnings.flatMap(renderWarning)]),
    "",
  ].join("\n");
}

function whenRotated({ rotateEveryDays }: Gateway): string {
  if (rotateEveryDays === undefined) return "always";
  return rotateEveryDays === 1 ? "if its key is a day old" : `if its key is ${rotateEveryDays} days old`;
}

function inWhichWindow(gateway: Gateway, schedule: string | undefined, now: Date): string {
  if (gateway.window === undefined) return "at any time";
  const tick = schedule === undefined ? undefined : nextTickOf(schedule)(gateway, undefined, now.getTime());
  const next = tick === undefined ? "" : `: next ${utc(tick)}`;
  return `${describeWindow(gateway.window)}${next}`;
}

const renderWarning = ({ gateways, message, action }: Warning): readonly string[] => [
  `warning  ${listSome(gateways, 5)}: ${message}`,
  `         → ${action}`,
];

/** Legal but unwise settings, each with its gateways. */
export function warningsOf({ gateways, schedule }: Omit<Valid, "kind">, now: Date): readonly Warning[] {
  const pauseOf = schedule === undefined ? () => undefined : longestPauses(schedule, now);
  const late = gateways.filter((gateway) => {
    const { rotateEveryDays = 0, expireAfterDays = Number.POSITIVE_INFINITY } = gateway;
    return rotateEveryDays + (pauseOf(gateway) ?? 0) > expireAfterDays;
  });
  const about = (
    holds: (gateway: Gateway) => boolean,
    message: string,
    action: string,
  ): readonly Warning[] => {
    const names = gateways.filter(holds).map(({ name }) => name);
    return names.length === 0 ? [] : [{ gateways: names, message, action }];
  };
  return [
    ...about(
      (gateway) => !hasTwoKeys(gateway.target) && gateway.rotateEveryDays === undefined,
      "every tick replaces the only key, and stops the gateway until its host has the new one.",
      "Set rotateEveryDays.",
    ),
    ...about(
      (gateway) => !hasTwoKeys(gateway.target) && gateway.window === undefined,
      "a tick at any hour may stop the gateway, even when no operator is there to give its host the new key.",
      "Set window to the hours of its operators.",
    ),
    ...about(
      ({ expireAfterDays }) => expireAfterDays === undefined,
      "the secret never expires, so no alert reports a key that is not rotated any more.",
      "Set expireAfterDays, here or in defaults.",
    ),
    ...[...Map.groupBy(late, pauseOf)].map(([pause = 0, group]) => ({
      gateways: group.map(({ name }) => name),
      message: `the secret can expire before it is rotated: up to ${count(pause, "day")} pass between two ticks that can rotate it.`,
      action: "Raise expireAfterDays, or let ROTATION_SCHEDULE tick more often, or widen its window.",
    })),
  ];
}

const dayMs = 86_400_000;
/** A schedule of 29 February has a tick in eight years at the latest. */
const horizonDays = 8 * 366;

/** Of each gateway, by its window. */
function longestPauses(schedule: string, now: Date): (gateway: Gateway) => number | undefined {
  const known = new Map<string, number | undefined>();
  return ({ window }) => {
    const key = JSON.stringify(window ?? null);
    if (!known.has(key)) known.set(key, longestPauseDays(schedule, window, now));
    return known.get(key);
  };
}

/** The most days between two days with ticks in the window; undefined if only one such day is known. */
function longestPauseDays(schedule: string, window: Gateway["window"], now: Date): number | undefined {
  const nextTick = nextTickOf(schedule);
  const next = (after: number) => nextTick({ window }, undefined, after);
  const days: number[] = [];
  const end = Math.floor(now.getTime() / dayMs) + horizonDays;
  for (let tick = next(now.getTime()); tick !== undefined; ) {
    const day = Math.floor(tick.getTime() / dayMs);
    if (day > end && days.length > 1) break;
    days.push(day);
    tick = next((day + 1) * dayMs - 1);
  }
  const pauses = days.slice(1).map((day, index) => day - (days[index] ?? day));
  return pauses.length === 0 ? undefined : Math.max(...pauses);
}
