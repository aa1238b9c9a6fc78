import { ConfigurationError } from "../src/config/configurationProblem.ts";

/** The command line is wrong; the message names the option and the remedy. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Runs a command with this process's arguments, and sets its exit code: what `run` returns, or 2 where the command line
 * or a file that it names is wrong.
 *
 * @param name of the npm script
 */
export async function runCommand(
  name: string,
  run: (args: readonly string[]) => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    const isKnown = error instanceof UsageError || error instanceof ConfigurationError;
    console.error(isKnown ? `${error.message}\n\nnpm run ${name} -- --help lists the options.` : error);
    process.exitCode = 2;
  }
}
