import { once } from "node:events";
import { constants } from "node:os";

/** The reason with which the signal of {@link listenForInterruption} is aborted. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** As a shell tells of a process that a signal has ended: 130 after Ctrl-C. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** npm passes on a Ctrl-C that the terminal has sent to this process already. */
const sameWishMs = 1_000;

/**
 * Aborted by Ctrl-C, by SIGTERM, also to npm alone, and when the terminal is closed. Whoever asks again a second later ends the
 * process the hard way.
 */
export function listenForInterruption(): AbortSignal {
  const controller = new AbortController();
  let arrivedAt = 0;

  function interrupt(signal: NodeJS.Signals): void {
    const interrupted = new Interrupted(signal);
    if (!controller.signal.aborted) {
      arrivedAt = performance.now();
      controller.abort(interrupted);
    } else if (performance.now() - arrivedAt > sameWishMs) {
      process.exit(interrupted.exitCode);
    }
  }

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  onceShellEnds(() => interrupt("SIGTERM"));
  return controller.signal;
}

/** npm runs a script in a shell. A signal to npm alone ends that shell, which does not pass it on. */
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

/** Resolves when the signal is aborted, at once where it is already. */
export async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}
