import type { ListedVersion } from "../../src/domain/vaultHistory.ts";

/**
 * - `problem`: a promise was broken or a secret is not fit for use: act.
 * - `warning`: the history is not what it should be: find out why.
 * - `information`: worth knowing; nothing is wrong.
 */
export type Severity = "problem" | "warning" | "information";

/** What the rules look at. */
export interface Facts {
  readonly now: Date;
  /** Oldest first. */
  readonly versions: readonly ListedVersion[];
  /** Those that this system wrote, whichever deployment. */
  readonly ours: readonly ListedVersion[];
  readonly latest: ListedVersion | undefined;
  /** gateways.json names the secret. */
  readonly configured: boolean;
  /** How long a key may live, and how much later its successor is still on time. Undefined: nobody has said. */
  readonly period: { readonly ms: number; readonly graceMs: number } | undefined;
}

export interface Found {
  readonly message: string;
  readonly from: Date;
  /** Left out for a moment. */
  readonly to?: Date;
  readonly versions: readonly ListedVersion[];
}

export interface Rule {
  readonly severity: Severity;
  /** A heading for all that it finds. */
  readonly title: string;
  /** What to do, the same for each. */
  readonly action: string;
  readonly find: (facts: Facts) => readonly Found[];
}

/** Each two that follow each other. */
export const pairs = <T>(items: readonly T[]): readonly (readonly [T, T])[] =>
  items.slice(1).flatMap((item, index) => {
    const before = items[index];
    return before === undefined ? [] : [[before, item] as const];
  });
