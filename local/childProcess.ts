import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** How a child process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Call it right after the start. Resolves when the child has ended and all its output and messages have arrived. */
export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    // If the process could not be started, "close" may never come.
    child.once("error", () => resolve({ code: null, signal: null }));
  });
}

/** Sends a signal to a child, and SIGKILL after `patienceMs` milliseconds (0: at once). Resolves when it has ended. */
export async function endChild(
  child: ChildProcess,
  patienceMs: number,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const ended = once(child, "exit");
  const insist = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  child.kill(patienceMs === 0 ? "SIGKILL" : signal);
  await ended;
  clearTimeout(insist);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
