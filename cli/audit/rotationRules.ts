import { nextInside } from "../../src/domain/rotationWindow.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
import { capital, count, dayMs, duration, list } from "../words.ts";
import { type Facts, type Found, pairs, type Rule, rotateEveryDaysOf, shortId, versionName } from "./rule.ts";

/** Whether each key was replaced by a new one, and in time. */
export const rotationRules = {
  overdue: {
    severity: "problem",
    title: "Rotation is overdue",
    meaning: "The last rotation is older than the period and its grace.",
    action:
      "Read in the log why the rotation fails (event GatewayKeyRotationFailed), or whether the schedule still runs.",
    find: overdue,
  },
  late: {
    severity: "warning",
    title: "Rotated too late",
    meaning: "Two rotations are further apart than the period and its grace.",
    action:
      "Find the cause in the log of that time. The schedule must tick more often than the period is long.",
    find: late,
  },
  "key-repeated": {
    severity: "problem",
    title: "One key from different attempts",
    meaning: "Versions of different attempts have one fingerprint.",
    action:
      "Rotate the gateway now. Each attempt makes a key of its own: another writer copied a version, or the service returned an old key.",
    find: keyRepeated,
  },
  "stored-again": {
    severity: "information",
    title: "One key stored twice",
    meaning: "Several versions have the fingerprint and the client request id of one attempt.",
    action: "Do nothing. The vault's answer was lost, so this system stored the same key again.",
    find: storedAgain,
  },
} as const satisfies Record<string, Rule>;

const later = (date: Date, days: number): Date => new Date(date.getTime() + days * dayMs);

/**
 * Ticks follow the schedule and an outage delays them: the grace is a tenth of the period, at most a day. Where the
 * gateway's window is not open then, the grace begins again when it opens.
 */
function isTooLong(from: Date, to: Date, everyDays: number, window: Facts["window"]): boolean {
  const graceMs = Math.min(everyDays / 10, 1) * dayMs;
  const latest = from.getTime() + everyDays * dayMs + graceMs;
  const opens = nextInside(window, latest);
  return to.getTime() > (opens === latest ? latest : opens + graceMs);
}

function overdue({ ours, everyDays, window, now }: Facts): readonly Found[] {
  const last = ours.at(-1);
  if (last === undefined || everyDays === undefined) return [];
  const age = now.getTime() - last.createdOn.getTime();
  if (!isTooLong(last.createdOn, now, everyDays, window)) return [];
  const message = `${capital(versionName(last))} is ${duration(age)} old; the period is ${count(everyDays, "day")}.`;
  return [{ message, from: later(last.createdOn, everyDays), to: now, versions: [last] }];
}

/** The period may have changed between two versions, so the longer of the two counts; without tags, today's period. */
function late({ ours, everyDays: today, window }: Facts): readonly Found[] {
  return pairs(ours).flatMap(([one, other]) => {
    const theirs = Math.max(rotateEveryDaysOf(one) ?? 0, rotateEveryDaysOf(other) ?? 0);
    const everyDays = theirs === 0 ? today : theirs;
    const pause = other.createdOn.getTime() - one.createdOn.getTime();
    if (everyDays === undefined || !isTooLong(one.createdOn, other.createdOn, everyDays, window)) return [];
    const message = `${capital(versionName(other))} came ${duration(pause)} after ${versionName(one)}; the period is ${count(everyDays, "day")}.`;
    return [{ message, from: later(one.createdOn, everyDays), to: other.createdOn, versions: [one, other] }];
  });
}

export const fingerprintForm = /^[0-9a-f]{12}$/;

/** Groups of versions with one fingerprint. A fingerprint that is missing or not valid identifies no key. */
function sameKey(ours: readonly ListedVersion[]): readonly (readonly ListedVersion[])[] {
  const groups = Map.groupBy(ours, ({ tags }) => tags["fingerprint"] ?? "");
  return [...groups].flatMap(([fingerprint, group]) =>
    group.length > 1 && fingerprintForm.test(fingerprint) ? [group] : [],
  );
}

/** Whether one attempt made all of these: then they hold the same key, stored again. */
export const byOneAttempt = (group: readonly ListedVersion[]): boolean =>
  group[0]?.tags["client-request-id"] !== undefined &&
  new Set(group.map(({ tags }) => tags["client-request-id"])).size === 1;

/** A finding about several versions, from the second one to the last; none if there is only one. */
export function aboutAll(versions: readonly ListedVersion[], message: string): readonly Found[] {
  const [, second] = versions;
  const last = versions.at(-1);
  if (second === undefined || last === undefined) return [];
  return [{ message, from: second.createdOn, to: last.createdOn, versions }];
}

function keyRepeated({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter((group) => !byOneAttempt(group))
    .flatMap((group) => aboutAll(group, `${capital(list(group.map(versionName)))}.`));
}

function storedAgain({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter(byOneAttempt)
    .flatMap((group) => aboutAll(group, `Version ids ${list(group.map(shortId))}.`));
}
