import { writtenByUs } from "../../src/domain/secretVersions.ts";
import { versionName } from "./history.ts";
import { fingerprintForm } from "./rotationRules.ts";
import { type Facts, type Found, pairs, type Rule } from "./rule.ts";
import { capital, count, list, quoted, utc } from "./words.ts";

/** Who wrote the versions. */
export const writerRules = {
  "never-rotated": {
    severity: "problem",
    title: "Never rotated",
    action:
      "See in the log why its rotation fails, or correct its vaultUrl and secretName in gateways.json. A secret that was deleted has to be recovered.",
    find: neverRotated,
  },
  "foreign-version": {
    severity: "problem",
    title: "Written by somebody else",
    action:
      "Find out who wrote it (the vault's audit log names the caller), and take the permission to set secrets from everybody but this system.",
    find: foreignVersions,
  },
  "foreign-history": {
    severity: "information",
    title: "Older than this system",
    action: "Nothing, if the secret was in use before this system took it over.",
    find: foreignHistory,
  },
  "other-deployment": {
    severity: "warning",
    title: "Two deployments on one secret",
    action:
      "Keep the gateway in one deployment's gateways.json only. One that took the secret over for good explains a single change.",
    find: otherDeployments,
  },
  "tags-incomplete": {
    severity: "warning",
    title: "Tags that do not tell all",
    action:
      "See in the vault's audit log who changed the tags; the log of this system has the ids by the version's time.",
    find: incompleteTags,
  },
  "changed-later": {
    severity: "information",
    title: "Changed after it was written",
    action:
      "State, dates or tags are other than this system wrote them. If nobody knows the change, see in the vault's audit log who made it: tags can be rewritten too.",
    find: changedLater,
  },
} as const satisfies Record<string, Rule>;

function neverRotated({ configured, ours, versions, now }: Facts): readonly Found[] {
  if (!configured || ours.length > 0) return [];
  const message =
    versions.length === 0
      ? "The vault has no version of this secret, though gateways.json names it."
      : `This system wrote none of its ${count(versions.length, "version")}, though gateways.json names it.`;
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
        `${capital(versionName(version))} does not come from this system.`,
        ...(version === latest ? ["It is the latest: its value is what everybody reads."] : []),
      ].join(" "),
      from: version.createdOn,
      versions: [version],
    }));
}

function foreignHistory({ versions, ours }: Facts): readonly Found[] {
  const before = versions.slice(0, ours[0] === undefined ? undefined : versions.indexOf(ours[0]));
  const [first, last] = [before[0], before.at(-1)];
  if (first === undefined || last === undefined) return [];
  const message = `${count(before.length, "version")} before this system's first one.`;
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
  const message = `Written by ${list(named)}; it changed hands ${changes.length === 1 ? "once" : `${changes.length} times`}, last at ${versionName(last)} on ${utc(last.createdOn)}.`;
  return [{ message, from: first.createdOn, to: last.createdOn, versions: changes }];
}

/** What every version of ours has, and how it looks. The service's own ids are left out where it sent none. */
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
      return { name, value, isRight: form.test(value) };
    });
    const lacking = tags.filter(({ value }) => value === "").map(({ name }) => name);
    const wrong = tags
      .filter(({ value, isRight }) => value !== "" && !isRight)
      .map(({ name, value }) => `${name} ${quoted(value)}`);
    if (lacking.length + wrong.length === 0) return [];
    const parts = [
      ...(lacking.length === 0 ? [] : [`${list(lacking)} ${lacking.length === 1 ? "is" : "are"} missing`]),
      ...(wrong.length === 0 ? [] : [`${list(wrong)} cannot be read`]),
    ];
    const message = `${capital(versionName(version))}: ${parts.join("; ")}.`;
    return [{ message, from: version.createdOn, versions: [version] }];
  });
}

function changedLater({ ours }: Facts): readonly Found[] {
  return ours
    .filter(({ createdOn, updatedOn }) => updatedOn > createdOn)
    .map((version) => ({
      message: `The properties of ${versionName(version)}, written ${utc(version.createdOn)}, were changed.`,
      from: version.updatedOn,
      versions: [version],
    }));
}
