import { writtenByUs } from "../../src/domain/secretStore.ts";
import { fingerprintForm } from "./rotationRules.ts";
import { type Facts, type Found, pairs, type Rule, versionName } from "./rule.ts";
import { capital, count, list, quoted, utc } from "./words.ts";

/** Who wrote the versions. */
export const writerRules = {
  "never-rotated": {
    severity: "problem",
    title: "Never rotated",
    action:
      "Read in the log why its rotation fails, or correct its vaultUrl and secretName in gateways.json. If the secret was deleted, recover it.",
    find: neverRotated,
  },
  "foreign-version": {
    severity: "problem",
    title: "Written outside this system",
    action:
      "Find the writer: the vault's audit log names the caller. Then remove the permission to set secrets from every identity but this system's.",
    find: foreignVersions,
  },
  "foreign-history": {
    severity: "information",
    title: "Older than this system",
    action: "Do nothing if the secret was in use before this system took it over.",
    find: foreignHistory,
  },
  "other-deployment": {
    severity: "warning",
    title: "Two deployments write one secret",
    action:
      "Keep the gateway in the gateways.json of one deployment only. A single change is expected where another deployment took the secret over for good.",
    find: otherDeployments,
  },
  "tags-incomplete": {
    severity: "warning",
    title: "Tags are missing or not valid",
    action:
      "Find in the vault's audit log who changed the tags. This system's log has the ids: search it by the version's time.",
    find: incompleteTags,
  },
  "changed-later": {
    severity: "information",
    title: "Changed after it was written",
    action:
      "The update changed the version's state, dates or tags. If you do not know the reason, find the caller in the vault's audit log: an update can also forge tags.",
    find: changedLater,
  },
} as const satisfies Record<string, Rule>;

function neverRotated({ configured, ours, versions, now }: Facts): readonly Found[] {
  if (!configured || ours.length > 0) return [];
  const message =
    versions.length === 0
      ? "The vault has no version of this secret, although gateways.json names it."
      : `Other writers wrote all versions of this secret (${versions.length}), although gateways.json names it.`;
  return [{ message, from: now, versions: [] }];
}

function foreignVersions({ versions, latest }: Facts): readonly Found[] {
  const first = versions.findIndex(writtenByUs);
  if (first === -1) return [];
  return versions
    .slice(first)
    .filter((version) => !writtenByUs(version))
    .map((version) => ({
      message: [
        `Another writer wrote ${versionName(version)}.`,
        ...(version === latest ? ["It is the latest version, so consumers read its value."] : []),
      ].join(" "),
      from: version.createdOn,
      versions: [version],
    }));
}

function foreignHistory({ versions, ours }: Facts): readonly Found[] {
  const before = versions.slice(0, ours[0] === undefined ? undefined : versions.indexOf(ours[0]));
  const [first, last] = [before[0], before.at(-1)];
  if (first === undefined || last === undefined) return [];
  const message = `Other writers wrote the first ${count(before.length, "version")}.`;
  return [{ message, from: first.createdOn, to: last.createdOn, versions: before }];
}

const mostNamed = 4;

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
  const named = shares.length <= mostNamed ? shares : [...shares.slice(0, mostNamed - 1), "others"];
  const times = changes.length === 1 ? "once" : `${changes.length} times`;
  const message = `The deployments ${list(named)} wrote this secret. The writer changed ${times}, last with ${versionName(last)} on ${utc(last.createdOn)}.`;
  return [{ message, from: first.createdOn, to: last.createdOn, versions: changes }];
}

/** The tags that every version of this system has. The service's own ids are not among them: it may send none. */
const required: Readonly<Record<string, RegExp>> = {
  "rotation-id": /./u,
  sequence: /^[1-9]\d{0,14}$/,
  trigger: /^(?:schedule|http|resume)$/,
  reason: /./u,
  "requested-by": /./u,
  "key-name": /^(?:key|authKey1|authKey2)$/,
  fingerprint: fingerprintForm,
  "client-request-id": /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
};

function incompleteTags({ ours }: Facts): readonly Found[] {
  return ours.flatMap((version) => {
    const tags = Object.entries(required).map(([name, form]) => {
      const value = version.tags[name]?.trim() ?? "";
      return { name, value, isValid: form.test(value) };
    });
    const missing = tags.filter(({ value }) => value === "").map(({ name }) => name);
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
      message: `An update changed the properties of ${versionName(version)}, which was written on ${utc(version.createdOn)}.`,
      from: version.updatedOn,
      versions: [version],
    }));
}
