import { spawn } from "node:child_process";
import { type Ended, endOf } from "../../local/childProcess.ts";

/**
 * Runs a script as an operator does, in a process of its own.
 *
 * @param cwd default: here
 */
export function runScript(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = process.cwd(),
): Promise<Ended> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    env: { PATH, NODE_COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return endOf(child);
}
