import { once } from "node:events";
import { constants } from "node:os";

/** How `npm start` communicates with the person who started it. */
export interface Session {
  readonly print: (text: string) => void;
  /** Aborted when that person ends it. */
  readonly interruption: AbortSignal;
}

/** The abort reason of the signal that {@link listenForInterruption} returns. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** The exit code that a shell gives to a process that a signal ended: 130 after Ctrl-C. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** npm repeats a Ctrl-C that the terminal has already sent to this process: one that soon is not a second request. */
const repeatedWithinMs = 1_000;

/**
 * Returns a signal that is aborted by Ctrl-C, by SIGTERM (also when sent to npm alone), and when the terminal closes. A
 * second interruption, a second later or more, ends the process at once.
 */
export function listenForInterruption(): AbortSignal {
  const controller = new AbortController();
  let arrivedAt = 0;

  function interrupt(signal: NodeJS.Signals): void {
    const interrupted = new Interrupted(signal);
    if (!controller.signal.aborted) {
      arrivedAt = performance.now();
      controller.abort(interrupted);
    } else if (performance.now() - arrivedAt > repeatedWithinMs) {
      process.exit(interrupted.exitCode);
    }
  }

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  onceShellEnds(() => interrupt("SIGTERM"));
  return controller.signal;
}

/** npm runs a script in a shell. A signal to npm alone ends that shell, and the shell does not forward it. */
function onceShellEnds(notify: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    notify();
  }, 250);
  watch.unref();
}

/** Resolves when the signal is aborted, at once if it already is. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}
