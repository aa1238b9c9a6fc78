/** The engine's time; tests have a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** In milliseconds. Storage's clock has whole seconds, so times that are compared with it need the same resolution. */
export const clockResolutionMs = 1000;
