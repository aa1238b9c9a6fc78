import { spawn } from "node:child_process";
import path from "node:path";
import { exitOf } from "./childProcess.ts";

/**
 * Builds in a process group of its own, out of reach of the terminal's signals: esbuild's own process ends at
 * Ctrl-C, which crashes the process that talks to it and leaves its temporary files.
 *
 * @throws where the build fails; what is wrong is on stderr then
 */
export async function buildApart(outDir: string): Promise<void> {
  const script = path.join(import.meta.dirname, "..", "scripts", "build.ts");
  const child = spawn(process.execPath, [script, outDir], {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const { code, signal } = await exitOf(child);
  if (code !== 0) throw new Error(`The build failed (${code ?? signal}).`);
}
