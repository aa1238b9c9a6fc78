import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** How a child process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** To be called at once after the start. Resolves when all that the child wrote and sent has arrived too. */
export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    // Where it could not be started at all, there may be no "close".
    child.once("error", () => resolve({ code: null, signal: null }));
  });
}

/** Asks a child to end, and insists after `patienceMs` milliseconds. Resolves when it has ended. */
export async function endChild(child: ChildProcess, patienceMs: number): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const ended = once(child, "exit");
  const insist = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  child.kill(patienceMs === 0 ? "SIGKILL" : "SIGTERM");
  await ended;
  clearTimeout(insist);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
