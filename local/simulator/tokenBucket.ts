/** A token bucket. Resource Manager has one for each subscription. */
export interface TokenBucket {
  /** Takes one token, if there is one. */
  take(): { readonly kind: "taken" } | { readonly kind: "empty"; readonly retryAfterSeconds: number };
  /** The number of whole tokens that are left now. */
  remaining(): number;
}

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
      return { kind: "empty", retryAfterSeconds: Math.ceil((1 - tokens) / limit.refillPerSecond) };
    },
    remaining() {
      refill();
      return Math.floor(tokens);
    },
  };
}
