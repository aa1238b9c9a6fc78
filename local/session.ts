/** What a run of `npm start` has to do with whoever started it. */
export interface Session {
  readonly print: (text: string) => void;
  /** Aborted when whoever started it wants it to end. */
  readonly interruption: AbortSignal;
}
