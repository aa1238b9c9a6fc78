/**
 * The engine's promises, by the names that violations and sabotages use. docs/reliability.md numbers them in this order
 * and names the file that keeps each.
 */
export const promises = {
  "works-in-the-end":
    "Once the verification is done, the latest version of every secret is a key that the service accepts.",
  "works-always":
    "The published key of a two-key gateway works at every moment, in mode standard, from the first one on.",
  "journaled-first": "Every attempt is the last one in the journal's open intent when its request is sent.",
  "claim-held": "A side effect starts only while more than a call's time is left of the runner's own claim.",
  "claim-respected": "No runner writes over an intent that another runner's claim still covers.",
  "vault-writable":
    "A key is regenerated only if this invocation saw the vault accept a write in the five minutes before, and the vault is not deleting the secret.",
  "one-request": "One attempt is one request, and makes at most one key.",
  "named-attempt": "Every version carries the client request id of the very attempt that made its key.",
  "one-journal": "Two spellings of one resource id are one gateway with one journal.",
  "once-without-faults": "Without faults one rotation is one regenerated key and one new version.",
  "stored-once": "A crash after the key was stored regenerates nothing.",
  "faults-bounded": "Each fault adds at most two regenerated keys.",
  "no-chase": "No run regenerates a key that was replaced after the run was created.",
  "every-slot": "A compromised run replaces every key of the gateway.",
  "newest-run": "No older run kills the key that a newer run published.",
  "follows-configuration":
    "After an edit of the configuration, the next run publishes a working key where the configuration says.",
  "own-write": "A runner recognises its own write of the journal after a lost answer.",
  "true-report": "A reported effect is true: no failure that says `unchanged` hides a key that was made.",
  "key-state":
    "Where a gateway's journal or a failure says that the published key works, the service accepts that key.",
  ends: "Recovery ends: no run, no intent and no verification stays open.",
  "no-exception": "No runner throws.",
  "farthest-line":
    "A run shows the farthest progress that any driver wrote, whatever the order of the lines.",
  "one-document": "The document of a run is written once and never changed.",
} as const;

export type PromiseId = keyof typeof promises;

export interface Violation {
  readonly promise: PromiseId;
  readonly what: string;
}

/** The first violation, or the first violation of the promise `only`. */
export function firstOf(violations: Iterable<Violation>, only: PromiseId | undefined): Violation | undefined {
  for (const violation of violations) if (only === undefined || violation.promise === only) return violation;
  return undefined;
}

export const describeViolation = ({ promise, what }: Violation): string => `${promise}: ${what}`;
