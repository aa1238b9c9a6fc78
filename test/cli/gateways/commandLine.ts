import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";

const script = path.join(import.meta.dirname, "../../../cli/gateways/gatewaysCommand.ts");

/** Runs the command in a process of its own. */
export const runCommandLine = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runScript(script, args, env);

/** @param cwd where the script runs; default: here */
export async function runScript(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = process.cwd(),
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}
