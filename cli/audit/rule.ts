import type { RotationWindow } from "../../src/domain/rotationWindow.ts";
import { type SecretVersion, sequenceOf } from "../../src/domain/secretStore.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";

/**
 * Most severe first.
 *
 * - `problem`: a promise is broken, or consumers cannot use the secret. Act.
 * - `warning`: the history is not as it should be. Find the cause.
 * - `information`: nothing is wrong.
 */
export const severities = ["problem", "warning", "information"] as const;
export type Severity = (typeof severities)[number];

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
  /** When the schedule may rotate it, by gateways.json; undefined: at any time. */
  readonly window?: RotationWindow | undefined;
}

/** What the rules judge. */
export interface Facts extends SecretHistory {
  readonly now: Date;
  /** The versions that this system wrote, in whichever deployment. */
  readonly ours: readonly ListedVersion[];
  readonly latest: ListedVersion | undefined;
}

export interface Found {
  readonly message: string;
  readonly from: Date;
  /** Absent where the finding is about a moment. */
  readonly to?: Date;
  readonly versions: readonly ListedVersion[];
}

/** What all findings of a rule share. */
export interface RuleText {
  readonly severity: Severity;
  readonly title: string;
  /** A sentence; a finding's message has only what differs. */
  readonly meaning: string;
  /** What the operator does about each of them. */
  readonly action: string;
}

export interface Rule extends RuleText {
  readonly find: (facts: Facts) => readonly Found[];
}

/** Each item with the one after it. */
export const pairs = <T>(items: readonly T[]): readonly (readonly [T, T])[] =>
  items.slice(1).flatMap((item, index) => {
    const before = items[index];
    return before === undefined ? [] : [[before, item] as const];
  });

/** A version's name in a sentence: `version 7` by its `sequence` tag, else `version id 0f3a9c21…`. */
export function versionName(version: ListedVersion): string {
  const sequence = sequenceOf(version);
  return sequence === undefined ? `version id ${shortId(version)}` : `version ${sequence}`;
}

export const shortId = ({ version }: ListedVersion): string => `${version.slice(0, 8)}…`;

/** The gateway's period when the version was written, in days; undefined: every tick rotated it, or the tag is wrong. */
export function rotateEveryDaysOf(version: SecretVersion): number | undefined {
  const tag = version.tags["rotate-every-days"];
  return tag !== undefined && /^[1-9]\d{0,3}$/.test(tag) ? Number(tag) : undefined;
}
