/** Steps to undo at the end, or when a start fails half-way. */
export interface Cleanup {
  add(undo: () => Promise<unknown>): void;
  /**
   * Undoes all steps, last first, even if some fail. Later calls wait for the first call.
   *
   * @throws AggregateError of the steps that failed
   */
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const undos: (() => Promise<unknown>)[] = [];
  let running: Promise<void> | undefined;

  async function undoAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const undo of undos.reverse()) await undo().catch((error) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, "Some parts could not be stopped.");
  }

  return {
    add: (undo) => void undos.push(undo),
    run() {
      running ??= undoAll();
      return running;
    },
  };
}
