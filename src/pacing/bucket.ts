import type { CallLimit, LimitAnswer } from "./gate.ts";

/** Resource Manager's documented refill is 10 writes a second: a guess to begin with, and no more. */
const guessedRefillPerMs = 10 / 1000;
/** And a smaller bucket is refilled in proportion: in 20 seconds as a whole. */
const guessedFillMs = 20_000;
/** Below that nothing would be learned any more: the next answer would be too far away. */
const leastRefillPerMs = 1 / 1000;

const mostReserve = 20;

/** Where a limit answers 429 without saying when to come back. */
const guessedRetryAfterMs = 1000;

/** What is learned meanwhile may shorten a wait for a refill: after this time it is guessed anew. */
const longestGuessMs = 1000;

/** Learned from what happens over a time of about this length. */
const learningMs = 2000;

/** A limit that no header tells is felt for: slower by half after a 429, faster by this factor after each success. */
const recovery = 0.98;
/** What was believed of the refill was too much. */
const backOff = 0.8;
const leastSpacingMs = 5;

interface Seen {
  readonly call: number;
  readonly remaining: number;
  readonly at: number;
  /** Calls sent before it that were not answered yet: they may have come to the bucket later. */
  readonly overtaken: number;
}

/**
 * Resource Manager's token bucket of one subscription, as its answers show it. Others take from the same bucket,
 * this application on another instance among them, so neither its size nor its refill is assumed: each answer
 * says what is left, and what happens between answers tells how much of the refill is left to us. A few calls are
 * left in it, more where others take them by surprise. A limit that the header does not tell (a resource
 * provider's own, or no header at all) shows in a 429 while calls should be left: then calls are spaced.
 */
export function createBucket(): CallLimit {
  let sent = 0;
  let answers = 0;
  /** The answer to the newest call that told what was left. */
  let seen: Seen | undefined;
  let highest = 0;
  let refillPerMs = guessedRefillPerMs;
  /** How many calls others took that were not foreseen; a mean of late. */
  let surprise = 0;
  let closedUntil = 0;
  let spacingMs = 0;
  /** Calls up to this one were on their way at the last 429. */
  let slowedAt = -1;
  let lastLetThrough = Number.NEGATIVE_INFINITY;
  /** Mean time between calls of late. */
  let intervalMs = 1 / guessedRefillPerMs;

  /** What the answer to this call should find left at that time, its own token taken. */
  function expected(call: number, now: number): number {
    if (seen === undefined) return Number.POSITIVE_INFINITY;
    return seen.remaining - (call - seen.call) + Math.max(0, now - seen.at) * refillPerMs;
  }

  /** Never so many that a small bucket would be of no use, or that a wrong header would stop everything. */
  const reserve = (): number => Math.min(mostReserve, highest / 8, 2 + 5 * surprise);

  function learn(call: number, now: number, remaining: number): void {
    if (seen !== undefined && now > seen.at && remaining < 0.9 * highest) {
      const foreseen = Math.min(highest, expected(call, now));
      surprise += (Math.max(0, foreseen - remaining) - surprise) / 8;
      if (seen.remaining < 0.9 * highest) {
        // Of a bucket that is full nothing can be learned: what it is refilled with runs over.
        const elapsedMs = now - seen.at;
        const refilled = (remaining - seen.remaining + call - seen.call) / elapsedMs;
        refillPerMs += (refilled - refillPerMs) * (elapsedMs / (elapsedMs + learningMs));
        refillPerMs = Math.max(leastRefillPerMs, refillPerMs);
      }
    }
    if (seen === undefined)
      refillPerMs = Math.max(leastRefillPerMs, Math.min(refillPerMs, remaining / guessedFillMs));
    highest = Math.max(highest, remaining);
    seen = { call, remaining, at: now, overtaken: Math.max(0, call - answers) };
  }

  function throttled(call: number, now: number, { remaining, retryAfterMs }: LimitAnswer): void {
    const reopensAt = now + (retryAfterMs ?? guessedRetryAfterMs);
    closedUntil = Math.max(closedUntil, reopensAt);
    const isFirst = call > slowedAt;
    if (isFirst) slowedAt = sent;
    if ((remaining ?? expected(call, now)) < 1 + reserve()) {
      seen = { call: Math.max(call, seen?.call ?? 0), remaining: 0, at: reopensAt, overtaken: 0 };
      if (isFirst) refillPerMs = Math.max(leastRefillPerMs, refillPerMs * backOff);
    } else if (isFirst) {
      spacingMs = 2 * Math.max(spacingMs, intervalMs);
    }
  }

  return {
    waitMs(now, promised) {
      // Until the first answer there is nothing to go by, but what is sent meanwhile can be kept few.
      const apartMs = answers > 0 ? spacingMs : 1 / guessedRefillPerMs;
      const missing = 1 + reserve() + promised + (seen?.overtaken ?? 0) - expected(sent, now);
      const refilledInMs = Math.min(missing / refillPerMs, longestGuessMs);
      return Math.max(0, closedUntil - now, lastLetThrough + apartMs - now, refilledInMs);
    },
    letThrough(now) {
      const sinceLast = Math.min(now - lastLetThrough, 1000);
      intervalMs += (sinceLast - intervalMs) / 8;
      lastLetThrough = now;
    },
    sent() {
      sent += 1;
      return sent;
    },
    answered(call, now, answer) {
      answers += 1;
      const remaining = usable(answer.remaining);
      if (answer.throttled) return throttled(call, now, { ...answer, remaining });
      if (call > slowedAt) spacingMs = spacingMs < leastSpacingMs ? 0 : spacingMs * recovery;
      if (remaining !== undefined && call > (seen?.call ?? 0)) learn(call, now, remaining);
    },
  };
}

const usable = (remaining = Number.NaN): number | undefined =>
  Number.isFinite(remaining) && remaining >= 0 ? remaining : undefined;
