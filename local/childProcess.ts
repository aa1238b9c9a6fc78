import type { ChildProcess, ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

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

/** How a child process ended, and all that it wrote. */
export interface Ended extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Call it right after the start. */
export async function endOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> {
  const [exit, stdout, stderr] = await Promise.all([exitOf(child), text(child.stdout), text(child.stderr)]);
  return { ...exit, stdout, stderr };
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
