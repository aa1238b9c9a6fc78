import { writtenByUs } from "../../src/domain/secretStore.ts";
import { capital, count, list, listSome, quoted, utc } from "../words.ts";
import { fingerprintForm } from "./rotationRules.ts";
import { type Facts, type Found, pairs, type Rule, versionName } from "./rule.ts";

/** Who wrote the versions. */
export const writerRules = {
  "never-rotated": {
    severity: "problem",
    title: "Never rotated",
    meaning: "gateways.json names the secret, and this system wrote no version of it.",
    action:
      "Read in the log why its rotation fails, or correct its vaultUrl and secretName in gateways.json. If the secret was deleted, recover it.",
    find: neverRotated,
  },
  "foreign-version": {
    severity: "problem",
    title: "Written outside this system",
    meaning:
      "Another writer wrote a version after the first one of this system. If it is the latest, consumers read its value.",
    action:
      "Find the writer: the vault's audit log names the caller. Then remove the permission to set secrets from every identity except this system's.",
    find: foreignVersions,
  },
  "foreign-history": {
    severity: "information",
    title: "Older than this system",
    meaning: "Other writers wrote versions before the first one of this system.",
    action: "Do nothing if the secret was in use before this system took it over.",
    find: foreignHistory,
  },
  "other-deployment": {
    severity: "warning",
    title: "Two deployments write one secret",
    meaning: "Versions have different managed-by: two deployments write one secret, or one took it over.",
    action:
      "Keep the gateway in the gateways.json of one deployment only. A single change is expected where another deployment took the secret over for good.",
    find: otherDeployments,
  },
  "tags-incomplete": {
    severity: "warning",
    title: "Tags are missing or not valid",
    meaning: "A tag of this system is missing or has a value that this system does not write.",
    action:
      "Find in the vault's audit log who changed the tags. This system's log has the ids: search it by the version's time.",
    find: incompleteTags,
  },
  "changed-later": {
    severity: "information",
    title: "Changed after it was written",
    meaning: "An update changed a version's state, dates or tags after it was written.",
    action:
      "If you do not know the reason, find the caller in the vault's audit log: an update can also forge tags.",
    find: changedLater,
  },
} as const satisfies Record<string, Rule>;

function neverRotated({ configured, ours, versions, now }: Facts): readonly Found[] {
  if (!configured || ours.length > 0) return [];
  const message =
    versions.length === 0 ? "No version." : `${count(versions.length, "version")} of other writers.`;
  return [{ message, from: now, versions: [] }];
}

function foreignVersions({ versions, latest }: Facts): readonly Found[] {
  const first = versions.findIndex(writtenByUs);
  if (first === -1) return [];
  return versions
    .slice(first)
    .filter((version) => !writtenByUs(version))
    .map((version) => ({
      message: `${capital(versionName(version))}${version === latest ? ", the latest" : ""}.`,
      from: version.createdOn,
      versions: [version],
    }));
}

function foreignHistory({ versions, ours }: Facts): readonly Found[] {
  const before = versions.slice(0, ours[0] === undefined ? undefined : versions.indexOf(ours[0]));
  const [first, last] = [before[0], before.at(-1)];
  if (first === undefined || last === undefined) return [];
  const message = `The first ${count(before.length, "version")}.`;
  return [{ message, from: first.createdOn, to: last.createdOn, versions: before }];
}

function otherDeployments({ ours }: Facts): readonly Found[] {
  const writers = Map.groupBy(ours, (version) => version.tags["managed-by"] ?? "");
  const changes = pairs(ours).flatMap(([one, other]) =>
    one.tags["managed-by"] === other.tags["managed-by"] ? [] : [other],
  );
  const [first, last] = [changes[0], changes.at(-1)];
  if (first === undefined || last === undefined) return [];
  const shares = [...writers].map(
    ([name, written]) => `${quoted(name)} (${count(written.length, "version")})`,
  );
  const times = changes.length === 1 ? "once" : `${changes.length} times`;
  const message = `${capital(listSome(shares, 4))}. The writer changed ${times}, last with ${versionName(last)}.`;
  return [{ message, from: first.createdOn, to: last.createdOn, versions: changes }];
}

const period = "rotate-every-days";

/**
 * The tags that every version of this system has; a gateway that every tick rotates has no period. The service's own
 * ids are not among them: it may send none.
 */
const tagForms: Readonly<Record<string, RegExp>> = {
  "rotation-id": /./u,
  sequence: /^[1-9]\d{0,14}$/,
  trigger: /^(?:schedule|http|resume)$/,
  reason: /./u,
  "requested-by": /./u,
  "key-name": /^(?:key|authKey1|authKey2)$/,
  fingerprint: fingerprintForm,
  [period]: /^[1-9]\d{0,3}$/,
  "client-request-id": /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
};

function incompleteTags({ ours }: Facts): readonly Found[] {
  return ours.flatMap((version) => {
    const tags = Object.entries(tagForms).map(([name, form]) => {
      const value = version.tags[name]?.trim() ?? "";
      return { name, value, isValid: form.test(value) };
    });
    const missing = tags.filter(({ name, value }) => value === "" && name !== period).map(({ name }) => name);
    const wrong = tags
      .filter(({ value, isValid }) => value !== "" && !isValid)
      .map(({ name, value }) => `${name} ${quoted(value)}`);
    const parts = [
      ...(missing.length === 0 ? [] : [`${list(missing)} ${isOrAre(missing)} missing`]),
      ...(wrong.length === 0 ? [] : [`${list(wrong)} ${isOrAre(wrong)} not valid`]),
    ];
    if (parts.length === 0) return [];
    const message = `${capital(versionName(version))}: ${parts.join("; ")}.`;
    return [{ message, from: version.createdOn, versions: [version] }];
  });
}

const isOrAre = ({ length }: readonly string[]): string => (length === 1 ? "is" : "are");

function changedLater({ ours }: Facts): readonly Found[] {
  return ours
    .filter(({ createdOn, updatedOn }) => updatedOn > createdOn)
    .map((version) => ({
      message: `${capital(versionName(version))}, written on ${utc(version.createdOn)}.`,
      from: version.updatedOn,
      versions: [version],
    }));
}
