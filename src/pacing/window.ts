import type { CallLimit } from "./gate.ts";

/**
 * Each vault accepts 300 new versions in 10 seconds (key-vault/general/service-limits). No header shows how many are
 * left, so 5 % of them are left to other clients.
 */
const windowMs = 10_000;
const mostInWindow = 285;

/** Counts a vault's new versions: those that were answered in the last ten seconds, and those under way. */
export function createWindow(): CallLimit {
  /** When each call of the last ten seconds was answered, oldest first. */
  const answeredAt: number[] = [];
  let underWay = 0;

  function end(now: number): void {
    underWay -= 1;
    answeredAt.push(now);
  }

  return {
    waitMs(now, promised) {
      while (answeredAt[0] !== undefined && answeredAt[0] <= now - windowMs) answeredAt.shift();
      const over = answeredAt.length + underWay + promised + 1 - mostInWindow;
      return over > 0 ? (answeredAt[over - 1] ?? now) + windowMs - now : 0;
    },
    sent() {
      underWay += 1;
    },
    answered: (_call, now) => end(now),
    refused: end,
  };
}
