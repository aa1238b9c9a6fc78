import { capital, count, dayMs, relative, utc } from "../words.ts";
import { type Facts, type Found, type Rule, versionName } from "./rule.ts";

/** The present state of the secret. */
export const stateRules = {
  disabled: {
    severity: "problem",
    title: "The latest version is disabled",
    meaning: "Consumers cannot read the latest version.",
    action: "Enable the version, or rotate the gateway.",
    find: disabled,
  },
  expired: {
    severity: "problem",
    title: "The latest version has expired",
    meaning: "The expiry date of the latest version has passed.",
    action: "Rotate the gateway. Key Vault still returns an expired key, but consumers should not use it.",
    find: expired,
  },
  "expires-soon": {
    severity: "information",
    title: "Expires soon",
    meaning: "The latest version expires within 14 days, and no rotation is due before.",
    action: "Make sure that the gateway is rotated before that date.",
    find: expiresSoon,
  },
  "many-versions": {
    severity: "warning",
    title: "Too many versions",
    meaning: "The secret has more than 450 versions.",
    action:
      "Give the gateway another secretName, or rotate it less often. Key Vault cannot delete single versions, and cannot back up a secret that has more than 500.",
    find: manyVersions,
  },
} as const satisfies Record<string, Rule>;

const soonMs = 14 * dayMs;
const manyVersionsFrom = 450;

function disabled({ latest, now }: Facts): readonly Found[] {
  if (latest === undefined || latest.enabled) return [];
  const message = `${capital(versionName(latest))}.`;
  return [{ message, from: latest.updatedOn, to: now, versions: [latest] }];
}

function expired({ latest, now }: Facts): readonly Found[] {
  if (latest?.expiresOn === undefined || latest.expiresOn > now) return [];
  const message = `${capital(versionName(latest))}, ${relative(latest.expiresOn, now)}.`;
  return [{ message, from: latest.expiresOn, to: now, versions: [latest] }];
}

/** No finding if a rotation is due before the expiry: short-lived keys are always close to their expiry. */
function expiresSoon({ latest, ours, everyDays, now }: Facts): readonly Found[] {
  const expiry = latest?.expiresOn;
  if (latest === undefined || expiry === undefined || expiry <= now) return [];
  if (expiry.getTime() - now.getTime() > soonMs) return [];
  const due = (ours.at(-1)?.createdOn.getTime() ?? Number.NaN) + (everyDays ?? Number.NaN) * dayMs;
  if (due < expiry.getTime() && due > now.getTime()) return [];
  const message = `${capital(versionName(latest))}, ${relative(expiry, now)}, on ${utc(expiry)}.`;
  return [{ message, from: now, versions: [latest] }];
}

function manyVersions({ versions, now }: Facts): readonly Found[] {
  if (versions.length <= manyVersionsFrom) return [];
  const message = `${count(versions.length, "version")}.`;
  return [{ message, from: now, versions: [] }];
}
