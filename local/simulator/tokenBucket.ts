/** A token bucket. Resource Manager has one for each subscription. */
export interface TokenBucket {
  /** Takes one token, if there is one. */
  take(): { readonly kind: "taken" } | { readonly kind: "empty"; readonly retryAfterSeconds: number };
  /** The number of whole tokens that are left now. */
  remaining(): number;
}

/** The answer of a bucket that never refills. */
const longestRetryAfterSeconds = 3600;

/** @param now milliseconds of a clock that never goes back. */
export function createTokenBucket(
  limit: { readonly capacity: number; readonly refillPerSecond: number },
  now: () => number = () => performance.now(),
): TokenBucket {
  let tokens = limit.capacity;
  let countedAt = now();

  function refill(): void {
    const elapsedMs = now() - countedAt;
    countedAt += elapsedMs;
    tokens = Math.min(limit.capacity, tokens + (elapsedMs * limit.refillPerSecond) / 1000);
  }

  return {
    take() {
      refill();
      if (tokens >= 1) {
        tokens -= 1;
        return { kind: "taken" };
      }
      const seconds = Math.ceil((1 - tokens) / limit.refillPerSecond);
      return { kind: "empty", retryAfterSeconds: Math.min(seconds, longestRetryAfterSeconds) };
    },
    remaining() {
      refill();
      return Math.floor(tokens);
    },
  };
}
