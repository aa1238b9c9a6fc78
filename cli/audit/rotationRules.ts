import type { ListedVersion } from "../../src/domain/secretStore.ts";
import { type Facts, type Found, pairs, type Rule, shortId, versionName } from "./rule.ts";
import { capital, duration, list } from "./words.ts";

/** Whether each key was replaced by a new one, and in time. */
export const rotationRules = {
  overdue: {
    severity: "problem",
    title: "Rotation is overdue",
    action:
      "Read in the log why the rotation fails (event GatewayKeyRotationFailed), or whether the schedule still runs.",
    find: overdue,
  },
  late: {
    severity: "warning",
    title: "Rotated too late",
    action:
      "Find the cause in the log of that time. The schedule must tick more often than the period is long.",
    find: late,
  },
  "key-repeated": {
    severity: "problem",
    title: "One key from different attempts",
    action:
      "Rotate the gateway now. Each attempt makes a key of its own: another writer copied a version, or the service returned an old key.",
    find: keyRepeated,
  },
  "stored-again": {
    severity: "information",
    title: "One key stored twice",
    action: "Do nothing. The vault's answer was lost, so this system stored the same key again.",
    find: storedAgain,
  },
} as const satisfies Record<string, Rule>;

const later = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

function overdue({ ours, period, now }: Facts): readonly Found[] {
  const last = ours.at(-1);
  if (last === undefined || period === undefined) return [];
  const age = now.getTime() - last.createdOn.getTime();
  if (age <= period.ms + period.graceMs) return [];
  const message = `The last rotation was ${duration(age)} ago; the policy allows ${duration(period.ms)}.`;
  return [{ message, from: later(last.createdOn, period.ms), to: now, versions: [last] }];
}

function late({ ours, period }: Facts): readonly Found[] {
  if (period === undefined) return [];
  return pairs(ours).flatMap(([one, other]) => {
    const pause = other.createdOn.getTime() - one.createdOn.getTime();
    if (pause <= period.ms + period.graceMs) return [];
    const message = `${capital(versionName(other))} came ${duration(pause)} after ${versionName(one)}; the policy allows ${duration(period.ms)}.`;
    return [{ message, from: later(one.createdOn, period.ms), to: other.createdOn, versions: [one, other] }];
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

/** A finding about several versions, from the second one to the last; none where there is only one. */
export function aboutAll(versions: readonly ListedVersion[], message: string): readonly Found[] {
  const [, second] = versions;
  const last = versions.at(-1);
  if (second === undefined || last === undefined) return [];
  return [{ message, from: second.createdOn, to: last.createdOn, versions }];
}

function keyRepeated({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter((group) => !byOneAttempt(group))
    .flatMap((group) => aboutAll(group, `${capital(list(group.map(versionName)))} hold the same key.`));
}

function storedAgain({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter(byOneAttempt)
    .flatMap((group) =>
      aboutAll(group, `The versions with the ids ${list(group.map(shortId))} hold the key of one attempt.`),
    );
}
