/** Time as the engine sees it: tests have one of their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Storage's clock has whole seconds: what is compared with its times must not be finer. */
export const clockResolutionMs = 1000;
