import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createCredential } from "../../src/azure/credential.ts";
import { createKeyVaultLists } from "../azure/keyVaultLists.ts";
import { createProgress, runCommand } from "../command.ts";
import { audit } from "./audit.ts";
import { type AuditCommand, readCommand, usage } from "./auditOptions.ts";
import { exitCodeOf } from "./report.ts";
import { formats } from "./reportFormats.ts";
import { renderSummary } from "./summary.ts";

/** A vault with 10,000 secrets has 400 pages of names, which take minutes at most. */
const callTimeoutMs = 5 * 60_000;

/**
 * Prints the report, and writes it to each file that the command line names. Creates folders that are missing.
 *
 * @returns the exit code
 */
async function run({ scope, files, print }: AuditCommand): Promise<number> {
  const progress = createProgress("secrets read");
  const vaultHistory = createKeyVaultLists({ credential: createCredential(undefined), callTimeoutMs });
  const report = await audit(scope, { vaultHistory, onProgress: progress.show });
  progress.stop();
  process.stdout.write(print === "summary" ? renderSummary(report) : formats[print](report));
  let exitCode: number = exitCodeOf(report);
  for (const { file, format } of files) {
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, formats[format](report));
      console.log(`Written: ${resolve(file)}`);
    } catch (error) {
      console.error(`${file} was not written: ${error instanceof Error ? error.message : error}`);
      exitCode = 2;
    }
  }
  return exitCode;
}

await runCommand("audit", async (args) => {
  const command = await readCommand(args);
  switch (command.kind) {
    case "audit":
      return run(command);
    case "demo": {
      const { auditDemo } = await import("../../local/audit.ts");
      return auditDemo(command.args);
    }
    case "help":
      console.log(usage);
      return 0;
  }
});
