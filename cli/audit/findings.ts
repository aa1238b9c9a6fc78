import type { RotationWindow } from "../../src/domain/rotationWindow.ts";
import { writtenByUs } from "../../src/domain/secretStore.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
import { rotationRules } from "./rotationRules.ts";
import type { Facts, Severity } from "./rule.ts";
import { sequenceRules } from "./sequenceRules.ts";
import { stateRules } from "./stateRules.ts";
import { writerRules } from "./writerRules.ts";

/** Every rule by the stable code of its findings. Reports keep this order. */
export const rules = { ...writerRules, ...rotationRules, ...stateRules, ...sequenceRules };

export type FindingCode = keyof typeof rules;

export const findingCodes = Object.keys(rules) as readonly FindingCode[];

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** The rule's heading and meaning. */
  readonly title: string;
  readonly meaning: string;
  /** What differs from other findings of the rule. */
  readonly message: string;
  /** What the operator does about it. */
  readonly action: string;
  /** The time of the finding; `from` and `to` are equal for a moment. */
  readonly from: Date;
  readonly to: Date;
  /** Ids of the versions that the finding is about. */
  readonly versions: readonly string[];
}

/** One secret's versions, and what is expected of them. */
export interface SecretHistory {
  /** Oldest first. */
  readonly versions: readonly ListedVersion[];
  /** Whether gateways.json names the secret. */
  readonly configured: boolean;
  /**
   * How long a key may live today, in days. A pause between versions that name their periods is judged by those.
   * Undefined: no period is known today.
   */
  readonly everyDays: number | undefined;
  readonly window?: RotationWindow | undefined;
}

/** Every finding in a history, in the order of the rules. Pure. */
export function findingsOf(history: SecretHistory, now: Date): readonly Finding[] {
  const facts = factsOf(history, now);
  return findingCodes.flatMap((code) => {
    const { find, ...about } = rules[code];
    return find(facts).map(({ message, from, to = from, versions }) => ({
      code,
      ...about,
      message,
      from,
      to,
      versions: versions.map(({ version }) => version),
    }));
  });
}

const factsOf = ({ versions, configured, everyDays, window }: SecretHistory, now: Date): Facts => ({
  now,
  versions,
  ours: versions.filter(writtenByUs),
  latest: versions.at(-1),
  configured,
  everyDays,
  window,
});
