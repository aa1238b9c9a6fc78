import { versionName } from "./history.ts";
import type { Facts, Found, Rule } from "./rule.ts";
import { capital, count, dayMs, relative, utc } from "./words.ts";

/** The state in which the secret is now. */
export const stateRules = {
  disabled: {
    severity: "problem",
    title: "The latest version is disabled",
    action: "Nobody can read this key. Enable the version, or let the gateway be rotated.",
    find: disabled,
  },
  expired: {
    severity: "problem",
    title: "The latest version has expired",
    action:
      "Let the gateway be rotated. Key Vault still hands the key out, but says that it should not be used.",
    find: expired,
  },
  "expires-soon": {
    severity: "information",
    title: "Expires soon",
    action: "See that it is rotated before then.",
    find: expiresSoon,
  },
  "many-versions": {
    severity: "warning",
    title: "Too many versions",
    action:
      "Give the gateway another secretName, or rotate it less often. Key Vault cannot delete single versions, and cannot back up a secret that has more than 500.",
    find: manyVersions,
  },
} as const satisfies Record<string, Rule>;

const soonMs = 14 * dayMs;
const manyVersionsFrom = 450;

function disabled({ latest, now }: Facts): readonly Found[] {
  if (latest === undefined || latest.enabled) return [];
  const message = `Nobody can read ${versionName(latest)}, the latest.`;
  return [{ message, from: latest.updatedOn, to: now, versions: [latest] }];
}

function expired({ latest, now }: Facts): readonly Found[] {
  if (latest?.expiresOn === undefined || latest.expiresOn > now) return [];
  const message = `${capital(versionName(latest))}, the latest, expired ${relative(latest.expiresOn, now)}.`;
  return [{ message, from: latest.expiresOn, to: now, versions: [latest] }];
}

/** Only where no rotation is due before: short-lived keys are always near their end. */
function expiresSoon({ latest, ours, period, now }: Facts): readonly Found[] {
  const expiry = latest?.expiresOn;
  if (latest === undefined || expiry === undefined || expiry <= now) return [];
  if (expiry.getTime() - now.getTime() > soonMs) return [];
  const due = (ours.at(-1)?.createdOn.getTime() ?? Number.NaN) + (period?.ms ?? Number.NaN);
  if (due < expiry.getTime() && due > now.getTime()) return [];
  return [{ message: `Expires ${relative(expiry, now)}, on ${utc(expiry)}.`, from: now, versions: [latest] }];
}

function manyVersions({ versions, now }: Facts): readonly Found[] {
  if (versions.length <= manyVersionsFrom) return [];
  const message = `${count(versions.length, "version")}; above 500 the secret cannot be backed up.`;
  return [{ message, from: now, versions: [] }];
}
