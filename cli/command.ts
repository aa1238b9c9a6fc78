import { SingleBar } from "cli-progress";
import { ConfigurationError, type Parsed } from "../src/config/configurationProblem.ts";

/** The command line is wrong; the message names the option and the remedy. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Runs a command with this process's arguments, and sets the exit code: the result of `run`, or 2 if the command line or
 * a file that it names is wrong.
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

/** What to do where no sign-in was found, or the service does not accept it. */
export const signIn =
  'Sign in with "az login", Visual Studio Code or Azure PowerShell, or set the environment variables of a service principal.';

/** Options of `parseArgs`: given at most once, and given as often as wanted. */
export const text = { type: "string" } as const;
export const texts = { type: "string", multiple: true } as const;

/** @throws UsageError with what `parseArgs` finds wrong */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/**
 * @param name of the option or the variable that has the value
 * @throws UsageError with the rule and the remedy
 */
export function accepted<T>(name: string, result: Parsed<T>): T {
  if (result.kind === "value") return result.value;
  throw new UsageError(`${name} takes ${result.rule}: ${result.remedy}.`);
}

/** A bar on standard error. cli-progress draws it on a terminal only. @param unit such as `secrets read` */
export function createProgress(unit: string) {
  const bar = new SingleBar({
    format: `{bar} {value} of {total} ${unit}`,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    show(done: number, total: number): void {
      if (!bar.isActive) bar.start(total, 0);
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
