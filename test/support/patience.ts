/**
 * How long a test waits for what comes by itself, in milliseconds. The longest of it needs 15 s on an idle machine: a
 * lease that runs out. Vitest's own time limit is longer still.
 */
export const patienceMs = 180_000;
