import { writtenByUs } from "../../src/domain/secretVersions.ts";
import type { Policy, SecretHistory } from "./history.ts";
import { rotationRules } from "./rotationRules.ts";
import type { Facts, Severity } from "./rule.ts";
import { sequenceRules } from "./sequenceRules.ts";
import { stateRules } from "./stateRules.ts";
import { dayMs } from "./words.ts";
import { writerRules } from "./writerRules.ts";

/** Every rule, by the stable code of what it finds. Reports keep this order. */
export const rules = { ...writerRules, ...rotationRules, ...stateRules, ...sequenceRules };

export type FindingCode = keyof typeof rules;

export const findingCodes = Object.keys(rules) as readonly FindingCode[];

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** What was found, in a sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly action: string;
  /** When it was so; both are the same for a moment. */
  readonly from: Date;
  readonly to: Date;
  /** Ids of the versions that it is about. */
  readonly versions: readonly string[];
}

/** What a history has to say against itself, in the order of the rules. Pure. */
export function findingsOf(history: SecretHistory, policy: Policy, now: Date): readonly Finding[] {
  const facts = factsOf(history, policy, now);
  return findingCodes.flatMap((code) => {
    const { severity, action, find } = rules[code];
    return find(facts).map(({ message, from, to = from, versions }) => ({
      code,
      severity,
      message,
      action,
      from,
      to,
      versions: versions.map(({ version }) => version),
    }));
  });
}

function factsOf({ versions, gatewayName }: SecretHistory, { everyDays }: Policy, now: Date): Facts {
  return {
    now,
    versions,
    ours: versions.filter(writtenByUs),
    latest: versions.at(-1),
    configured: gatewayName !== undefined,
    period: everyDays === undefined ? undefined : { ms: everyDays * dayMs, graceMs: graceMs(everyDays) },
  };
}

/** Ticks come by the schedule, not by the second, and an outage delays one: a tenth of the period, at most a day. */
const graceMs = (everyDays: number): number => Math.min((everyDays * dayMs) / 10, dayMs);
