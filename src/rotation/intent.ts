import { clockResolutionMs } from "../domain/clock.ts";
import type { SecretVersion } from "../domain/secretStore.ts";
import { type AttemptRecord, type Intent, type Journal, lastAttempt } from "../journal/journal.ts";
import type { HeldJournal } from "../journal/journals.ts";
import type { Context } from "./context.ts";
import * as failures from "./failures.ts";
import { overtaken, type RotationOutcome } from "./outcome.ts";
import type { Claim } from "./storeKey.ts";
import { quietPeriodMs } from "./terms.ts";

/** A claimed intent, from its first attempt to its commit. */
export type OpenIntent = ReturnType<typeof openIntent>;

/**
 * - `withdrawn`: the journal holds no intent any more.
 * - `open`: a later step continues it; `effect` is what its attempts may have done to the key.
 * - `overtaken`: another runner has continued it.
 */
export type EndedIntent =
  | { readonly kind: "withdrawn" | "overtaken" }
  | { readonly kind: "open"; readonly effect: "unchanged" | "unknown" };

/**
 * Keeps one intent in the journal. Nothing is written before `begin`.
 *
 * @param first the journal as it was read
 * @param changed the journal as the rotation changes it, but for the intent
 * @param opened the intent before this runner's first attempt
 */
export function openIntent(
  { services, gateway, terms, journals }: Context,
  first: HeldJournal,
  changed: Journal,
  opened: Intent,
) {
  const { clock } = services;
  let journal = changed;
  let held: HeldJournal = first;
  let intent = opened;
  const claimMs = 4 * terms.callTimeoutMs;
  const storageNow = () => clock.now() + held.clockOffsetMs;
  const storageNowAtMost = () => clock.now() + held.latestOffsetMs;

  async function write(next: Intent | null): Promise<RotationOutcome | undefined> {
    const written = await journals.write(gateway, held, { ...journal, intent: next });
    if (written.kind === "lost") return overtaken(gateway);
    if (written.kind === "failed") {
      const failure = failures.storageUnusable(gateway, written.problem);
      return isHarmless(intent) ? failure : failures.inDoubt(failure);
    }
    held = written.held;
    if (next !== null) intent = next;
    return undefined;
  }

  /** Records what is known of the last attempt's effect; the next write of the journal stores it. */
  function note(known: "unchanged" | "unknown"): void {
    const attempts = intent.attempts.with(-1, { ...lastAttempt(intent), known });
    intent = { ...intent, attempts };
  }

  /** Withdraws the intent if no attempt in it can have changed anything; else releases its claim. */
  async function end(): Promise<EndedIntent> {
    const harmless = isHarmless(intent);
    // A rotation that did not take place ends no verification, and moves no key to another secret.
    if (harmless) journal = first.journal ?? journal;
    const stopped = await write(harmless ? null : { ...intent, claimedUntil: 0 });
    if (stopped?.kind === "pending") return { kind: "overtaken" };
    if (!harmless) return { kind: "open", effect: "unknown" };
    if (stopped === undefined) return { kind: "withdrawn" };
    // Storage did not take the withdrawal. Without the claim another runner may have continued the intent.
    return { kind: "open", effect: intent.claimedUntil > storageNowAtMost() ? "unchanged" : "unknown" };
  }

  return {
    current: () => ({ held: { ...held, journal: { ...journal, intent } }, intent }),
    /** Journals an attempt and claims the intent; undefined: both are done. */
    begin(clientRequestId: string) {
      const at = Math.floor(storageNow() / clockResolutionMs) * clockResolutionMs;
      const attempt: AttemptRecord = { clientRequestId, at, known: "open" };
      return write({
        ...intent,
        attempts: [...intent.attempts, attempt],
        claimedUntil: storageNowAtMost() + claimMs,
      });
    },
    /** Before a side effect: makes sure that more than a call's time is left of the claim, by a write if need be. */
    async extend(): Promise<Claim> {
      if (intent.claimedUntil - storageNowAtMost() > terms.callTimeoutMs) return "held";
      const stopped = await write({ ...intent, claimedUntil: storageNowAtMost() + claimMs });
      if (stopped === undefined) return "held";
      return stopped.kind === "failed" ? "unknown" : "lost";
    },
    note,
    /** Whether no attempt in it can have changed anything. */
    isHarmless: () => isHarmless(intent),
    end,
    /** Ends the intent where the last attempt is in the journal and will not be sent. */
    async endUnsent(): Promise<void> {
      note("unchanged");
      await end();
    },
  };
}

/** Whether every attempt is known to have changed nothing. */
const isHarmless = ({ attempts }: Intent): boolean => attempts.every(({ known }) => known === "unchanged");

/**
 * The journal after a rotation, with the commit and the verification that is due for it.
 *
 * @param held the journal's clock
 * @param intent the rotation that ends, whose last attempt made the key
 * @param secret the version that holds the key
 * @param sequence the version's number in the secret's history
 */
export function committed(
  { services, gateway, terms }: Context,
  held: HeldJournal,
  journal: Journal,
  intent: Intent,
  secret: SecretVersion,
  sequence: number,
): Journal {
  const at = services.clock.now() + held.clockOffsetMs;
  const quietMs = quietPeriodMs(terms);
  const { runId, slot, attempts } = intent;
  const last = lastAttempt(intent);
  const { clientRequestId } = last;
  // An earlier attempt that takes effect after the last one kills the key that is committed here.
  const mayTakeEffect = attempts.some(
    (each) => each !== last && each.known !== "unchanged" && each.at > last.at - quietMs,
  );
  return {
    ...journal,
    ...gateway.secret,
    slots: { ...journal.slots, [slot]: { at: last.at, clientRequestId, runId } },
    commit: { version: secret.version, slot, clientRequestId, sequence, at },
    verification: { at: at + quietMs, suspect: mayTakeEffect || (journal.verification?.suspect ?? false) },
    intent: null,
  };
}
