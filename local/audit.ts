import { spawn } from "node:child_process";
import path from "node:path";
import { endOf } from "./childProcess.ts";
import { type Services, startSimulatedServices } from "./services.ts";

const script = path.join(import.meta.dirname, "..", "cli", "audit", "auditCommand.ts");

export interface EndedAudit {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Audits all simulated vaults with the command that an auditor runs.
 *
 * @param settings the simulator's sign-in and certificate, as environment variables
 * @throws Error if a signal ended the command
 */
export async function runAudit(
  { simulator, settings }: Pick<Services, "simulator" | "settings">,
  args: readonly string[],
): Promise<EndedAudit> {
  const vaults = Object.values(simulator.vaultUrls).flatMap((url) => ["--vault", url]);
  const child = spawn(process.execPath, [script, ...vaults, ...args], {
    env: { PATH: process.env["PATH"], ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, signal, stdout, stderr } = await endOf(child);
  if (code === null) throw new Error(`The audit was ended by ${signal}.\n${stderr}`);
  return { exitCode: code, stdout, stderr };
}

/**
 * @param file where the audit writes its page
 * @throws Error with the command's output, if the audit could not check something
 */
export async function writeAuditPage(
  services: Pick<Services, "simulator" | "settings">,
  file: string,
): Promise<void> {
  const { exitCode, stdout, stderr } = await runAudit(services, ["--out", file]);
  // 1: the page has findings.
  if (exitCode !== 0 && exitCode !== 1)
    throw new Error(`The audit ended with ${exitCode}.\n${stderr}${stdout}`);
}

/**
 * Audits a simulated vault with months of history.
 *
 * @param args the audit's arguments, without its vaults
 * @returns the audit's exit code
 */
export async function auditDemo(args: readonly string[]): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const options = { vaults: ["contoso-keys"], gateways: [] };
  const services = await startSimulatedServices(options, true, cleanup);
  const { exitCode, stdout, stderr } = await runAudit(services, args);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return exitCode;
}
