import { SingleBar } from "cli-progress";
import { createCredential } from "../../src/azure/credential.ts";
import { createVaultHistory } from "../../src/azure/vaultHistory.ts";
import { ConfigurationError } from "../../src/config/configurationError.ts";
import { type Command, readCommand, UsageError, usage } from "./auditOptions.ts";
import { formats } from "./formats.ts";
import { exitCodeOf } from "./report.ts";
import { renderSummary } from "./terminal.ts";
import { writeAuditReport } from "./writeAuditReport.ts";

/** A vault with 10,000 secrets is 400 pages: minutes at the most. */
const listTimeoutMs = 5 * 60_000;

/** On standard error, and only where somebody looks at it. */
function createProgress() {
  const bar = new SingleBar({
    format: "{bar} {value} of {total} secrets read",
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    show(done: number, total: number): void {
      if (!bar.isActive) bar.start(total, 0);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

async function run({ scope, files, print }: Extract<Command, { kind: "audit" }>): Promise<number> {
  const progress = createProgress();
  const vaultHistory = createVaultHistory({ credential: createCredential(undefined), listTimeoutMs });
  const { report, unwritten } = await writeAuditReport(
    scope,
    { vaultHistory, onProgress: progress.show },
    files,
  );
  progress.stop();
  process.stdout.write(print === "summary" ? renderSummary(report) : formats[print](report));
  for (const { file, error } of unwritten) console.error(`${file} was not written: ${messageOf(error)}`);
  return unwritten.length > 0 ? 2 : exitCodeOf(report);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = await readCommand(args);
    if (command.kind === "audit") return await run(command);
    console.log(usage);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigurationError)) console.error(error);
    else console.error(`${error.message}\n\nnpm run audit -- --help tells the options.`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
