import type { CallLimit } from "./gate.ts";

/**
 * Key Vault takes 300 new secret versions in 10 seconds for each vault (key-vault/general/service-limits). No
 * header tells how many are left, so the rule itself has to be gone by, with something left for others.
 */
const windowMs = 10_000;
const mostInWindow = 285;

/** Where a vault answers 429 without saying when to come back. */
const guessedRetryAfterMs = 1000;

/**
 * A vault's limit on new versions: so many in any ten seconds, those under way included. After a 429 others use
 * the vault too: half as many, and one more for each that it takes again.
 */
export function createWindow(): CallLimit {
  /** When those of the last ten seconds were answered, oldest first. */
  const answered: number[] = [];
  let underWay = 0;
  let most = mostInWindow;
  let closedUntil = 0;
  let calls = 0;
  /** Calls up to this one were on their way at the last 429. */
  let slowedAt = -1;

  return {
    waitMs(now, promised) {
      while (answered[0] !== undefined && answered[0] <= now - windowMs) answered.shift();
      const over = answered.length + underWay + promised + 1 - most;
      const leavesAt = over > 0 ? (answered[over - 1] ?? now) + windowMs : now;
      return Math.max(0, closedUntil - now, leavesAt - now);
    },
    letThrough() {},
    sent() {
      underWay += 1;
      calls += 1;
      return calls;
    },
    answered(call, now, { throttled, retryAfterMs }) {
      underWay -= 1;
      answered.push(now);
      if (!throttled) {
        most = Math.min(mostInWindow, most + 1);
        return;
      }
      closedUntil = Math.max(closedUntil, now + (retryAfterMs ?? guessedRetryAfterMs));
      if (call <= slowedAt) return;
      slowedAt = calls;
      most = Math.max(1, Math.floor(most / 2));
    },
  };
}
