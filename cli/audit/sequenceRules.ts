import { sequenceOf } from "../../src/domain/secretStore.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
import { list, utc } from "../words.ts";
import { aboutAll, byOneAttempt } from "./rotationRules.ts";
import { type Facts, type Found, pairs, type Rule } from "./rule.ts";

/** Whether the history is complete: the `sequence` tag numbers this system's versions from 1. */
export const sequenceRules = {
  "sequence-missing": {
    severity: "warning",
    title: "Version numbers are missing",
    meaning: "A number is missing, or the history does not begin with 1.",
    action:
      "Find out whether the secret was purged, was restored from a backup, or is not the gateway's first secret. Key Vault cannot delete single versions.",
    find: missing,
  },
  "sequence-back": {
    severity: "problem",
    title: "Version numbers go back",
    meaning: "A version has a lower number than the version before it.",
    action:
      "Another runner stored a key late, or another writer copied a version. Make sure that one deployment with one storage account rotates this gateway, then rotate it once more.",
    find: goingBack,
  },
  "sequence-repeated": {
    severity: "problem",
    title: "One version number twice",
    meaning: "Versions of different attempts have one number.",
    action:
      "Two runners stored a key at the same time, or another writer copied a version. Make sure that one deployment with one storage account rotates this gateway.",
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
  const start = {
    message: `The history begins with version ${first.number}; ${areMissing(1, first.number - 1)}.`,
    from: first.version.createdOn,
    versions: [first.version],
  };
  const gaps = pairs(all)
    .filter(([one, other]) => other.number > one.number + 1)
    .map(([one, other]) => ({
      message: `Version ${other.number} follows version ${one.number}; ${areMissing(one.number + 1, other.number - 1)}.`,
      from: one.version.createdOn < other.version.createdOn ? one.version.createdOn : other.version.createdOn,
      to: other.version.createdOn,
      versions: [one.version, other.version],
    }));
  return first.number === 1 ? gaps : [start, ...gaps];
}

const areMissing = (from: number, to: number): string =>
  from === to ? `${from} is missing` : `${from} to ${to} are missing`;

function goingBack({ ours }: Facts): readonly Found[] {
  return pairs(numbered(ours))
    .filter(([one, other]) => other.number < one.number)
    .map(([one, other]) => ({
      message: `Version ${other.number} was written after version ${one.number}.`,
      from: other.version.createdOn,
      versions: [one.version, other.version],
    }));
}

function repeated({ ours }: Facts): readonly Found[] {
  return [...Map.groupBy(numbered(ours), ({ number }) => number)].flatMap(([number, group]) => {
    const versions = group.map(({ version }) => version);
    if (byOneAttempt(versions)) return [];
    const dates = list(versions.map(({ createdOn }) => utc(createdOn)));
    return aboutAll(versions, `Version ${number}, on ${dates}.`);
  });
}
