import type { Intent, Journal } from "../../src/journal/journal.ts";

/** An intent whose only attempt is open, and whose claim has run out. */
export const openIntent: Intent = {
  rotationId: "r",
  runId: "run",
  slot: "key",
  reason: "due",
  attempts: [{ clientRequestId: "a", at: 1, known: "open" }],
  claimedUntil: 0,
};

/** A failure that left the published key alone. */
export const lastFailure: NonNullable<Journal["failure"]> = {
  at: 1,
  code: "c",
  effect: "unchanged",
  message: "M.",
  nextAction: "N.",
  keyWorks: true,
};
