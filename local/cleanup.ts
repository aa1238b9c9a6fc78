/** What must be undone at the end, or when a start fails half-way. */
export interface Cleanup {
  add(undo: () => Promise<unknown>): void;
  /**
   * Undoes everything, last first, and no matter what fails on the way. Later calls wait for the first.
   *
   * @throws AggregateError of what failed
   */
  run(): Promise<void>;
}

export function createCleanup(): Cleanup {
  const undos: (() => Promise<unknown>)[] = [];
  let running: Promise<void> | undefined;

  async function undoAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const undo of undos.reverse()) await undo().catch((error) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, "Not everything could be stopped.");
  }

  return {
    add: (undo) => void undos.push(undo),
    run() {
      running ??= undoAll();
      return running;
    },
  };
}
