import { sequenceOf } from "../../src/domain/secretVersions.ts";
import type { ListedVersion } from "../../src/domain/vaultHistory.ts";
import { byOneAttempt } from "./rotationRules.ts";
import { type Facts, type Found, pairs, type Rule } from "./rule.ts";
import { utc } from "./words.ts";

/** Whether the history is whole: each version of ours has the next number. */
export const sequenceRules = {
  "sequence-missing": {
    severity: "warning",
    title: "Numbers are missing",
    action:
      "Key Vault deletes no single version: the secret was purged, restored from a backup, or is not the gateway's first one. Whoever did it can tell.",
    find: missing,
  },
  "sequence-back": {
    severity: "problem",
    title: "Numbers go back",
    action:
      "A late or a second writer, or a copied version: see that one deployment and one storage account rotate this gateway, and rotate it once more.",
    find: goingBack,
  },
  "sequence-repeated": {
    severity: "problem",
    title: "One number twice",
    action:
      "Two runners stored a key at the same time, or a version was copied: see that one deployment and one storage account rotate this gateway.",
    find: repeated,
  },
} as const satisfies Record<string, Rule>;

interface Numbered {
  readonly number: number;
  readonly version: ListedVersion;
}

const numbered = (ours: readonly ListedVersion[]): readonly Numbered[] =>
  ours.flatMap((version) => {
    const number = sequenceOf(version);
    return number === undefined ? [] : [{ number, version }];
  });

function missing({ ours }: Facts): readonly Found[] {
  const all = numbered(ours).toSorted((one, other) => one.number - other.number);
  const [first] = all;
  if (first === undefined) return [];
  const begin: readonly Found[] =
    first.number === 1
      ? []
      : [
          {
            message: `The history begins with number ${first.number}; ${numbers(1, first.number - 1)}.`,
            from: first.version.createdOn,
            versions: [first.version],
          },
        ];
  const holes = pairs(all)
    .filter(([one, other]) => other.number > one.number + 1)
    .map(([one, other]) => ({
      message: `After number ${one.number} comes ${other.number}; ${numbers(one.number + 1, other.number - 1)}.`,
      from: one.version.createdOn < other.version.createdOn ? one.version.createdOn : other.version.createdOn,
      to: other.version.createdOn,
      versions: [one.version, other.version],
    }));
  return [...begin, ...holes];
}

const numbers = (from: number, to: number): string =>
  from === to ? `${from} is missing` : `${from} to ${to} are missing`;

function goingBack({ ours }: Facts): readonly Found[] {
  return pairs(numbered(ours))
    .filter(([one, other]) => other.number < one.number)
    .map(([one, other]) => ({
      message: `Number ${other.number} was written after number ${one.number}.`,
      from: other.version.createdOn,
      versions: [one.version, other.version],
    }));
}

function repeated({ ours }: Facts): readonly Found[] {
  return [...Map.groupBy(numbered(ours), ({ number }) => number)].flatMap(([number, group]) => {
    const versions = group.map(({ version }) => version);
    const [, second] = versions;
    const last = versions.at(-1);
    if (second === undefined || last === undefined || byOneAttempt(versions)) return [];
    const message = `Number ${number} is on ${versions.length} versions, of ${versions.map(({ createdOn }) => utc(createdOn)).join(" and ")}.`;
    return [{ message, from: second.createdOn, to: last.createdOn, versions }];
  });
}
