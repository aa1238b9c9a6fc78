import { writtenByUs } from "../../src/domain/secretStore.ts";
import { rotationRules } from "./rotationRules.ts";
import type { Facts, RuleText, SecretHistory } from "./rule.ts";
import { sequenceRules } from "./sequenceRules.ts";
import { stateRules } from "./stateRules.ts";
import { writerRules } from "./writerRules.ts";

/** Every rule by the stable code of its findings. Reports keep this order. */
export const rules = { ...writerRules, ...rotationRules, ...stateRules, ...sequenceRules };

export type FindingCode = keyof typeof rules;

export const findingCodes = Object.keys(rules) as readonly FindingCode[];

export interface Finding extends RuleText {
  readonly code: FindingCode;
  /** What differs from other findings of the rule. */
  readonly message: string;
  /** The time of the finding; `from` and `to` are equal for a moment. */
  readonly from: Date;
  readonly to: Date;
  /** Ids of the versions that the finding is about. */
  readonly versions: readonly string[];
}

/** Every finding in a history, in the order of the rules. Pure. */
export function findingsOf(history: SecretHistory, now: Date): readonly Finding[] {
  const { versions } = history;
  const facts: Facts = { ...history, now, ours: versions.filter(writtenByUs), latest: versions.at(-1) };
  return findingCodes.flatMap((code) => {
    const { find, ...text } = rules[code];
    return find(facts).map(({ message, from, to = from, versions }) => ({
      code,
      ...text,
      message,
      from,
      to,
      versions: versions.map(({ version }) => version),
    }));
  });
}
