import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { exitOf } from "./childProcess.ts";
import type { Services } from "./services.ts";

const script = path.join(import.meta.dirname, "..", "scripts", "audit.ts");

/**
 * Audits the simulated vaults with the command that an auditor uses.
 *
 * @param file the path of the page to write
 * @throws if the audit could not read everything, with its output
 */
export async function writeAuditPage(
  { simulator, settings }: Pick<Services, "simulator" | "settings">,
  file: string,
): Promise<void> {
  const vaults = Object.values(simulator.vaultUrls).flatMap((url) => ["--vault", url]);
  const child = spawn(process.execPath, [script, ...vaults, "--out", file], {
    env: { PATH: process.env["PATH"], ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [summary, errors, { code, signal }] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exitOf(child),
  ]);
  // 1: the audit has findings, which is a normal result.
  if (code !== 0 && code !== 1)
    throw new Error(`The audit ended with ${code ?? signal}.\n${errors}${summary}`);
}
