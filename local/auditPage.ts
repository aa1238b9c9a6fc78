import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { exitOf } from "./childProcess.ts";
import type { Services } from "./services.ts";

const script = path.join(import.meta.dirname, "..", "scripts", "audit.ts");

/**
 * Audits the simulated vaults by the command that an auditor uses, which reads nothing else.
 *
 * @param file where the page is written
 * @throws where the audit could not tell something, with its words
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
  // 1: it has findings, which is what an audit is for.
  if (code !== 0 && code !== 1)
    throw new Error(`The audit ended with ${code ?? signal}.\n${errors}${summary}`);
}
