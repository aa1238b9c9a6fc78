/** What an answer says of the limit that its call counted against. */
export interface LimitAnswer {
  /** Calls that were left when it was answered, where the service says so. */
  readonly remaining?: number | undefined;
  readonly throttled: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** What is known of a service's limit on calls. Pure but for its counts: all times are handed in, in milliseconds. */
export interface CallLimit {
  /**
   * How long until one more call may be let through, or until it is worth asking again; 0: now.
   *
   * @param promised calls that were let through and have not been made yet
   */
  waitMs(now: number, promised: number): number;
  letThrough(now: number): void;
  /** A call leaves, let through or not. @returns its number, by which its answer is known */
  sent(now: number): number;
  answered(call: number, now: number, answer: LimitAnswer): void;
}
