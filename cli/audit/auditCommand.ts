import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createCredential } from "../../src/azure/credential.ts";
import { createKeyVaultLists } from "../azure/keyVaultLists.ts";
import { createProgress, runCommand } from "../command.ts";
import { audit } from "./audit.ts";
import { type AuditCommand, type ReportFile, readCommand, usage } from "./auditOptions.ts";
import { type AuditReport, exitCodeOf } from "./report.ts";
import { formats } from "./reportFormats.ts";
import { renderSummary } from "./summary.ts";

/** A vault with 10,000 secrets has 400 pages of names, which take minutes at most. */
const callTimeoutMs = 5 * 60_000;

/** @returns the exit code */
async function run({ scope, files, print }: AuditCommand): Promise<number> {
  const progress = createProgress("secrets read");
  const vaultHistory = createKeyVaultLists({ credential: createCredential(undefined), callTimeoutMs });
  const report = await audit(scope, { vaultHistory, onProgress: progress.show });
  progress.stop();
  const { written, failures } = await writeFiles(report, files);
  process.stdout.write(print === "summary" ? renderSummary(report) : formats[print](report));
  for (const file of written) console.log(`Written: ${file}`);
  for (const failure of failures) console.error(failure);
  return failures.length > 0 ? 2 : exitCodeOf(report);
}

/**
 * Writes the report to each file, and creates the folders that are missing.
 *
 * @returns the files that were written, and a sentence for each one that could not be
 */
async function writeFiles(report: AuditReport, files: readonly ReportFile[]) {
  const written: string[] = [];
  const failures: string[] = [];
  for (const { file, format } of files) {
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, formats[format](report));
      written.push(resolve(file));
    } catch (error) {
      failures.push(`${file} was not written: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { written, failures };
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
