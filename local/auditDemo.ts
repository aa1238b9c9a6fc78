import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runAudit } from "./auditPage.ts";
import { createCleanup } from "./cleanup.ts";
import { pastGateways, writePast } from "./past.ts";
import { startSimulator } from "./simulator/simulator.ts";

/**
 * Audits a simulated vault with months of history.
 *
 * @param args of the audit, but for its vaults
 * @returns the audit's exit code
 */
export async function auditDemo(args: readonly string[]): Promise<number> {
  const cleanup = createCleanup();
  try {
    const simulator = await startSimulator({ vaults: ["contoso-keys"], gateways: pastGateways });
    cleanup.add(simulator.stop);
    await writePast(simulator, simulator.vaultUrls["contoso-keys"] ?? "");
    const folder = await mkdtemp(path.join(tmpdir(), "audit-demo-"));
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    const authorityFile = path.join(folder, "certificate-authority.pem");
    await writeFile(authorityFile, simulator.certificateAuthorityPem);
    const settings = {
      IDENTITY_ENDPOINT: simulator.identityEndpoint,
      IDENTITY_HEADER: simulator.identityHeader,
      AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
      NODE_EXTRA_CA_CERTS: authorityFile,
    };
    const { exitCode, stdout, stderr } = await runAudit({ simulator, settings }, args);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    return exitCode;
  } finally {
    await cleanup.run();
  }
}
