import type { Failed } from "../domain/attempt.ts";
import { clockResolutionMs, firstPauseMs, nextPause } from "../domain/clock.ts";
import type { SecretVersion } from "../domain/secretStore.ts";
import { type AttemptRecord, type Intent, type Journal, lastAttempt } from "../journal/journal.ts";
import type { HeldJournal, WriteJournal } from "../journal/journals.ts";
import { type Context, lastStartFor, quietPeriodMs } from "./context.ts";
import { failure, inDoubt } from "./failures.ts";
import { overtaken, type RotationOutcome } from "./outcome.ts";

/** A claimed intent, from its first attempt to its commit. */
export type OpenIntent = ReturnType<typeof openIntent>;

/** `held`: this runner holds the claim. `lost`: another runner took it. `failed`: storage did not confirm the claim. */
export type Claim = { readonly kind: "held" | "lost" } | Failed;

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
 * @param opened the intent before this runner's first attempt
 */
export function openIntent(context: Context, first: HeldJournal, opened: Intent) {
  const { services, gateway, terms, journals } = context;
  const { clock } = services;
  const changed = { ...first.journal, ...gateway.secret };
  let journal: Journal = changed;
  let held: HeldJournal = first;
  let intent = opened;
  /** This runner's last journaled attempt. No other runner writes an intent that ends with it. */
  let ownAttempt: string | undefined;
  const claimMs = 4 * terms.callTimeoutMs;
  /** While a key waits, the runner extends its claim when this much is left, which leaves time for a second try. */
  const waitingMs = 2 * terms.callTimeoutMs;
  const storageNow = () => clock.now() + held.clockOffsetMs;
  const storageNowAtMost = () => clock.now() + held.latestOffsetMs;

  /**
   * Writes the journal. An earlier write of this runner that seemed to fail may have taken effect, and another runner may
   * have added a failure to it since. So after a lost write this function reads the journal again. It overwrites an
   * intent of this runner. If this runner has ended the intent, the write counts as done.
   */
  async function put(next: Journal): Promise<WriteJournal> {
    const written = await journals.write(gateway, held, next);
    if (written.kind !== "lost" || ownAttempt === undefined) return written;
    const read = await journals.read(gateway);
    if (read.kind === "failed") return read;
    // An operator can have deleted it.
    if (read.kind !== "read" || read.held.condition.kind === "absent") return written;
    const { journal: stored } = read.held;
    if (stored.intent === null)
      return next.intent === null && isSameCommit(stored, next)
        ? { kind: "written", held: read.held }
        : written;
    const isOwn = lastAttempt(stored.intent).clientRequestId === ownAttempt;
    return isOwn ? journals.write(gateway, read.held, next) : written;
  }

  async function write(next: Intent | null): Promise<WriteJournal> {
    const written = await put({ ...journal, intent: next });
    if (written.kind !== "written") return written;
    held = written.held;
    if (next !== null) intent = next;
    return written;
  }

  const claimedFromNow = (next: Intent): Promise<WriteJournal> =>
    write({ ...next, claimedUntil: storageNowAtMost() + claimMs });

  const leftMs = () => intent.claimedUntil - storageNowAtMost();

  /** Makes sure that more than `leastMs` of the claim is left. If not, extends the claim by a write. */
  async function extend(leastMs: number): Promise<Claim> {
    if (leftMs() > leastMs) return { kind: "held" };
    const written = await claimedFromNow(intent);
    return written.kind === "written" ? { kind: "held" } : written;
  }

  /** Records what is known of the last attempt's effect; the next write of the journal stores it. */
  function note(known: "unchanged" | "unknown"): void {
    const attempts = intent.attempts.with(-1, { ...lastAttempt(intent), known });
    intent = { ...intent, attempts };
  }

  /** Withdraws the intent if no attempt in it can have changed anything; else releases its claim. */
  async function end(): Promise<EndedIntent> {
    const harmless = isHarmless(intent);
    // No rotation took place, so the journal keeps its secret and its verification.
    if (harmless) ({ journal } = first);
    const written = await write(harmless ? null : { ...intent, claimedUntil: 0 });
    if (written.kind === "lost") return { kind: "overtaken" };
    if (!harmless) return { kind: "open", effect: "unknown" };
    if (written.kind === "written") return { kind: "withdrawn" };
    // Storage did not confirm the withdrawal. If the claim has ended, another runner may have continued the intent.
    return { kind: "open", effect: intent.claimedUntil > storageNowAtMost() ? "unchanged" : "unknown" };
  }

  return {
    rotationId: intent.rotationId,
    /** Journals an attempt and claims the intent. @returns undefined when both are done */
    async begin(clientRequestId: string): Promise<RotationOutcome | undefined> {
      const now = storageNow();
      const at = Math.floor(now / clockResolutionMs) * clockResolutionMs;
      const attempt: AttemptRecord = { clientRequestId, at, known: "open" };
      const next = { ...intent, attempts: [...intent.attempts, attempt] };
      const quietMs = quietPeriodMs(terms);
      const mayBeOverwritten =
        mayTakeEffect(next, quietMs) || (changed.slots[intent.slot]?.lateUntil ?? 0) > now;
      const due = { at: at + quietMs, suspect: false, ...changed.verification };
      const verification = mayBeOverwritten ? { ...due, mayBeOverwritten } : changed.verification;
      journal = { ...changed, verification };
      const written = await claimedFromNow(next);
      if (written.kind === "lost") return overtaken(gateway);
      if (written.kind === "failed") {
        const failed = failure("storageUnusable", gateway, written.problem);
        return isHarmless(intent) ? failed : inDoubt(failed);
      }
      ownAttempt = clientRequestId;
      return undefined;
    },
    /** Before a side effect: makes sure that more than a call's time is left of the claim. */
    extend: () => extend(terms.callTimeoutMs),
    /** Waits, and keeps the claim meanwhile: a runner that took over would kill the key that this one holds. */
    async hold(ms: number): Promise<Claim> {
      const until = clock.now() + ms;
      for (;;) {
        const claim = await extend(waitingMs);
        const restMs = until - clock.now();
        if (claim.kind === "lost" || restMs <= 0) return claim;
        await clock.sleep(Math.min(restMs, Math.max(leftMs() - waitingMs, firstPauseMs)));
      }
    },
    /**
     * Ends the rotation, whose key is stored as this version. While there is time it tries again, since only this runner
     * knows that the key is stored.
     */
    async commit(secret: SecretVersion, sequence: number): Promise<WriteJournal> {
      // All tries write one text, so a try that seemed to fail and took effect is recognised.
      const lateUntil = storageNowAtMost() + terms.callTimeoutMs;
      const next = committed(context, held, journal, intent, secret, sequence, lateUntil);
      for (let pauseMs = firstPauseMs; ; pauseMs = nextPause(pauseMs)) {
        const done = await put(next);
        if (done.kind !== "failed" || clock.now() + pauseMs > lastStartFor(terms, 0)) return done;
        await clock.sleep(pauseMs);
      }
    },
    note,
    /** Whether every attempt is known to have changed nothing. */
    isHarmless: () => isHarmless(intent),
    end,
    /** Ends the intent when its last attempt is in the journal but will not be sent. */
    endUnsent(): Promise<EndedIntent> {
      note("unchanged");
      return end();
    },
  };
}

/** Whether one runner made both commits. Another runner that adopts the same attempt commits it at another time. */
const isSameCommit = ({ commit: a }: Journal, { commit: b }: Journal): boolean =>
  a?.clientRequestId === b?.clientRequestId && a?.at === b?.at;

/**
 * Whether an attempt before the last one can still take effect. Such an attempt kills the last attempt's key. Or its
 * runner writes a key that the last attempt has killed.
 */
const mayTakeEffect = ({ attempts }: Intent, quietMs: number): boolean => {
  const last = lastAttempt({ attempts });
  return attempts.some((each) => each !== last && each.known !== "unchanged" && each.at > last.at - quietMs);
};

const isHarmless = ({ attempts }: Intent): boolean => attempts.every(({ known }) => known === "unchanged");

/**
 * The journal after a rotation, with the commit and the verification that is due for it.
 *
 * @param held the offset of storage's clock comes from it
 * @param intent the rotation that ends, whose last attempt made the key
 * @param secret the version that holds the key
 * @param sequence the version's number in the secret's history
 * @param lateUntil after that, no write of the key can take effect any more, by storage's clock
 */
export function committed(
  { services, gateway, terms }: Context,
  held: HeldJournal,
  journal: Journal,
  intent: Intent,
  secret: SecretVersion,
  sequence: number,
  lateUntil: number,
): Journal {
  const at = services.clock.now() + held.clockOffsetMs;
  const quietMs = quietPeriodMs(terms);
  const { runId, slot } = intent;
  const last = lastAttempt(intent);
  const { clientRequestId } = last;
  const before = journal.verification;
  // If the verification was due when the last attempt was journaled, its reasons cannot touch this key any more.
  const carried = before !== null && before.at >= last.at + clockResolutionMs ? before : undefined;
  return {
    ...journal,
    ...gateway.secret,
    slots: {
      ...journal.slots,
      [slot]: { at: last.at, clientRequestId, runId, lateUntil },
    },
    commit: { version: secret.version, slot, clientRequestId, sequence, at },
    verification: {
      at: at + quietMs,
      suspect: mayTakeEffect(intent, quietMs) || carried?.suspect === true,
      mayBeOverwritten: carried?.mayBeOverwritten,
    },
    intent: null,
    failure: null,
    host: null,
  };
}
