import { spawn } from "node:child_process";
import path from "node:path";
import { exitOf } from "./childProcess.ts";

/**
 * Builds in a separate process group, which the terminal's signals do not reach: esbuild's own process ends at Ctrl-C,
 * and that crashes the process that uses it and leaves temporary files.
 *
 * @throws if the build fails; stderr then has the reason
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
