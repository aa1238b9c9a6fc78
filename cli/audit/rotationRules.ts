import type { ListedVersion } from "../../src/domain/vaultHistory.ts";
import { versionName } from "./history.ts";
import { type Facts, type Found, pairs, type Rule } from "./rule.ts";
import { capital, duration, list } from "./words.ts";

/** Whether keys were replaced, and in time. */
export const rotationRules = {
  overdue: {
    severity: "problem",
    title: "Rotation is overdue",
    action:
      "See in the log why it fails (GatewayKeyRotationFailed), or whether the schedule still runs at all.",
    find: overdue,
  },
  late: {
    severity: "warning",
    title: "Rotated too late",
    action:
      "See in the log of that time what held it up; the schedule has to tick more often than the period is long.",
    find: late,
  },
  "key-repeated": {
    severity: "problem",
    title: "The same key again",
    action:
      "Rotate it now. One attempt's fingerprint can appear once only: somebody has copied a version, or the service gave the old key again.",
    find: keyRepeated,
  },
  "stored-again": {
    severity: "information",
    title: "One key stored twice",
    action: "Nothing: the vault's answer was lost, so the same key was stored once more.",
    find: storedAgain,
  },
} as const satisfies Record<string, Rule>;

const later = (date: Date, ms: number): Date => new Date(date.getTime() + ms);

function overdue({ ours, period, now }: Facts): readonly Found[] {
  const last = ours.at(-1);
  if (last === undefined || period === undefined) return [];
  const age = now.getTime() - last.createdOn.getTime();
  if (age <= period.ms + period.graceMs) return [];
  const message = `Last rotated ${duration(age)} ago; the policy allows ${duration(period.ms)}.`;
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

/** Versions that share a fingerprint. One that is missing or cannot be read says nothing of the key. */
function sameKey(ours: readonly ListedVersion[]): readonly (readonly ListedVersion[])[] {
  const groups = Map.groupBy(ours, ({ tags }) => tags["fingerprint"] ?? "");
  return [...groups].flatMap(([fingerprint, group]) =>
    group.length > 1 && fingerprintForm.test(fingerprint) ? [group] : [],
  );
}

/** One attempt makes one key: the same client request id is the same key, stored again. */
export const byOneAttempt = (group: readonly ListedVersion[]): boolean =>
  group[0]?.tags["client-request-id"] !== undefined &&
  new Set(group.map(({ tags }) => tags["client-request-id"])).size === 1;

const found = (group: readonly ListedVersion[], message: string): readonly Found[] =>
  group.slice(1, 2).map(({ createdOn }) => ({
    message,
    from: createdOn,
    to: group.at(-1)?.createdOn ?? createdOn,
    versions: group,
  }));

function keyRepeated({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter((group) => !byOneAttempt(group))
    .flatMap((group) => found(group, `The same key is in ${list(group.map(versionName))}.`));
}

function storedAgain({ ours }: Facts): readonly Found[] {
  return sameKey(ours)
    .filter(byOneAttempt)
    .flatMap((group) => {
      const versions = list(group.map(({ version }) => `${version.slice(0, 8)}…`));
      return found(group, `The key of one attempt is in the versions ${versions}.`);
    });
}
