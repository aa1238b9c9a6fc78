import type { CallLimit } from "./gate.ts";

/**
 * Resource Manager's token bucket for the writes of one subscription and one identity: 200, refilled with 10 a second
 * (azure-resource-manager/management/request-limits-and-throttling).
 */
const size = 200;
const refillPerMs = 10 / 1000;

/**
 * This client leaves one second's refill to others. When others take much of the refill, the reserve also slows this
 * client down before the bucket is empty: the lower the header's count, the longer the wait for the next call.
 */
const reserve = 10;

/**
 * Counts what is left of a subscription's writes: the documented bucket, less what was sent, corrected by the header of
 * the newest answer. After a 429 a header can only lower the count, since the 429 may come from a resource provider's
 * own limit, which the header does not show.
 */
export function createBucket(): CallLimit {
  let underWay = 0;
  /** The newest call whose answer had the header. */
  let newest = 0;
  let wasRefused = false;
  /** Writes that were left at `countedAt`, in milliseconds; every write under way is already subtracted. */
  let left = size;
  let countedAt = 0;

  const leftAt = (now: number): number => Math.min(size, left + Math.max(0, now - countedAt) * refillPerMs);

  function count(now: number, next: number): void {
    left = next;
    countedAt = Math.max(countedAt, now);
  }

  return {
    waitMs: (now, promised) => Math.max(0, (1 + reserve + promised - leftAt(now)) / refillPerMs),
    sent(now) {
      count(now, leftAt(now) - 1);
      underWay += 1;
    },
    answered(call, now, remaining) {
      underWay -= 1;
      if (remaining === undefined || call < newest) return;
      newest = call;
      const shown = remaining - underWay;
      count(now, wasRefused ? Math.min(leftAt(now), shown) : shown);
    },
    refused(_now, closedUntil) {
      underWay -= 1;
      wasRefused = true;
      count(closedUntil, -underWay);
    },
  };
}
