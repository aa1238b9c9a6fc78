import { parseArgs } from "node:util";
import type { EnvironmentVariables } from "../../src/config/appSettings.ts";
import { UsageError } from "../command.ts";

export const usage = `npm run gateways -- check [FILE] [options]

Checks a gateways.json (default: the one in this folder) by the rules of the deployed function. It prints every problem
with its place and remedy, or what the next ticks will do with each gateway. It needs no sign-in.
docs/commands.md has the details.

  --schedule CRON    the function's ROTATION_SCHEDULE; default: the environment variable of that name
  --vault URL        the function's KEY_VAULT_URL; default: the environment variable of that name
  --help             prints this text

Exit code 0: no problem. 1: problems. 2: the command line is wrong.
`;

export interface CheckCommand {
  readonly kind: "check";
  readonly file: string;
  readonly schedule: string | undefined;
  readonly keyVaultUrl: string | undefined;
}

const text = { type: "string" } as const;

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function readCommand(
  args: readonly string[],
  env: EnvironmentVariables,
): CheckCommand | { readonly kind: "help" } {
  const { values, positionals } = parse(args);
  if (values.help) return { kind: "help" };
  const [name, file = "gateways.json", ...more] = positionals;
  if (name !== "check") throw new UsageError('Name what to do: "check".');
  if (more.length > 0) throw new UsageError(`check takes one file, not ${more.length + 1}.`);
  return {
    kind: "check",
    file,
    schedule: values.schedule ?? set(env["ROTATION_SCHEDULE"]),
    keyVaultUrl: values.vault ?? set(env["KEY_VAULT_URL"]),
  };
}

/** An empty variable counts as unset, as in the function app. */
const set = (value: string | undefined): string | undefined => (value?.trim() === "" ? undefined : value);

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { schedule: text, vault: text, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
