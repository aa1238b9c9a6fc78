/** How `npm start` communicates with the person who started it. */
export interface Session {
  readonly print: (text: string) => void;
  /** Aborted when that person ends it. */
  readonly interruption: AbortSignal;
}
