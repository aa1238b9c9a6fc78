import type { Gateway } from "../../src/domain/target.ts";
import type { StorageTerms } from "../../src/journal/conditionalWrite.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";

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

/** Writes the gateway's journal. @param changes what it holds besides an empty journal's parts */
export async function storeJournal(
  storage: StorageTerms,
  of: Gateway,
  changes: Partial<Journal>,
): Promise<void> {
  const journals = createJournals(storage);
  const read = await journals.read(of);
  if (read.kind !== "read") throw new Error(read.kind);
  const written = await journals.write(of, read.held, { ...emptyJournal(of), ...changes });
  if (written.kind !== "written") throw new Error(written.kind);
}
