import type { CallLimit } from "./gate.ts";

/**
 * Each vault accepts 300 new versions in 10 seconds (key-vault/general/service-limits). No header shows how many are
 * left, so this client leaves 5 % of them to others.
 */
const windowMs = 10_000;
const mostInWindow = 285;

/**
 * Counts a vault's new versions: those that it accepted in the last ten seconds, and those under way. A 429 shows that
 * the vault has less room, since other clients use it too. The limit is then the number of versions that the vault
 * accepted in the ten seconds before. With every ten seconds without a 429, the limit grows by a quarter, and by one at
 * least. A version that the vault refused with 429 does not count (key-vault/general/overview-throttling).
 */
export function createWindow(): CallLimit {
  /** When each version of the last ten seconds was accepted, oldest first. */
  const acceptedAt: number[] = [];
  let underWay = 0;
  let most = mostInWindow;
  let learnedAt = 0;

  function advance(now: number): void {
    while (acceptedAt[0] !== undefined && acceptedAt[0] <= now - windowMs) acceptedAt.shift();
    for (; most < mostInWindow && now >= learnedAt + windowMs; learnedAt += windowMs)
      most = Math.min(mostInWindow, most + Math.max(1, Math.floor(most / 4)));
  }

  return {
    waitMs(now, promised) {
      advance(now);
      const over = acceptedAt.length + underWay + promised - most;
      if (over < 0) return 0;
      return (acceptedAt[over] ?? now) + windowMs - now;
    },
    sent() {
      underWay += 1;
    },
    answered(_call, now) {
      underWay -= 1;
      acceptedAt.push(now);
      advance(now);
      most = Math.max(most, acceptedAt.length);
    },
    refused(now, closedUntil) {
      underWay -= 1;
      advance(now);
      most = Math.max(1, acceptedAt.length);
      learnedAt = closedUntil;
    },
  };
}
