import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Exit, exitOf } from "../../local/childProcess.ts";
import { patienceMs } from "../support/patience.ts";

/** `npm start` in its own process group, as a terminal runs it, with a temporary folder for its files. */
export interface StartedMachine {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Sends a signal to the whole group, like the terminal at Ctrl-C. */
  signal(name: NodeJS.Signals): void;
  /** @throws with the output if the condition is not met in time */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  isAnyProcessLeft(): boolean;
  /** The paths of all files in its folder. */
  files(): Promise<readonly string[]>;
  /** Ends its remaining processes and deletes its folder. */
  dispose(): Promise<void>;
}

const root = path.join(import.meta.dirname, "..", "..");

/** The folder in which npm caches its own code. */
const npmsOwn = "node-compile-cache";

export async function startMachineOf(command: string, ...args: readonly string[]): Promise<StartedMachine> {
  const temporary = await mkdtemp(path.join(tmpdir(), "start-test-"));
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, TMPDIR: temporary },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = exitOf(child);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started.`);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }

  const signal = (name: NodeJS.Signals | 0) => process.kill(-pid, name);

  function isAnyProcessLeft(): boolean {
    try {
      return signal(0);
    } catch {
      return false;
    }
  }

  return {
    child,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    signal,
    async until(condition) {
      const deadline = Date.now() + patienceMs;
      while (!(await condition())) {
        if (Date.now() > deadline) throw new Error(`Not in time: ${output.stdout}${output.stderr}`);
        await sleep(20);
      }
    },
    isAnyProcessLeft,
    async files() {
      const names = await readdir(temporary, { recursive: true });
      return names.filter((name) => !name.startsWith(npmsOwn));
    },
    async dispose() {
      if (isAnyProcessLeft()) signal("SIGKILL");
      await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
