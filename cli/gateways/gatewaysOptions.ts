import { parseArgs } from "node:util";
import { type EnvironmentVariables, settings } from "../../src/config/appSettings.ts";
import { parseResourceManager, parseVaultUrl } from "../../src/config/endpoints.ts";
import { isLegalName, nameRules } from "../../src/domain/gatewayKinds.ts";
import { accepted, parsed, text, texts, UsageError } from "../command.ts";

export const usage = `npm run gateways -- check [FILE] [options]
npm run gateways -- discover --subscription ID [options]

check reads a gateways.json (default: the one in this folder) by the rules of the deployed function. It prints every
problem with its place and remedy, or what the next ticks will do with each gateway. It needs no sign-in.

  --schedule CRON         the function's ROTATION_SCHEDULE; default: the environment variable of that name
  --vault URL             the function's KEY_VAULT_URL; default: the environment variable of that name

discover lists the gateways and self-hosted integration runtimes that exist, with your own sign-in (az login), and
adds an entry to gateways.json for each that has none.

  --subscription ID       where to look; may be repeated
  --resource-group NAME   only in this resource group; may be repeated
  --out FILE              the file to write or to add to; default: gateways.json
  --compare FILE          writes nothing, and prints how this file differs from the gateways that exist
  --vault URL             the vault of all gateways, in a new file

  --help                  prints this text

Exit code 0: no problem, no difference. 1: problems, or with --compare a difference. 2: the command line is wrong, or
something could not be read.
`;

type Command = ReturnType<typeof readCommand>;
export type CheckCommand = Extract<Command, { readonly kind: "check" }>;
export type DiscoverCommand = Extract<Command, { readonly kind: "discover" }>;

const help = { kind: "help" } as const;

const shared = { vault: text, help: { type: "boolean", short: "h" } } as const;

const options = {
  check: { ...shared, schedule: text },
  discover: { ...shared, subscription: texts, "resource-group": texts, out: text, compare: text },
} as const;

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function readCommand([name, ...args]: readonly string[], env: EnvironmentVariables) {
  switch (name) {
    case "check":
      return readCheck(args, env);
    case "discover":
      return readDiscover(args, env);
    case "--help":
    case "-h":
      return help;
    default:
      throw new UsageError('Begin with what to do: "check" or "discover".');
  }
}

function readCheck(args: readonly string[], env: EnvironmentVariables) {
  const { values, positionals } = parsed(() =>
    parseArgs({ args: [...args], allowPositionals: true, options: options.check }),
  );
  if (values.help) return help;
  const [file = "gateways.json", ...more] = positionals;
  if (more.length > 0) throw new UsageError(`check takes one file, not ${positionals.length}.`);
  return {
    kind: "check" as const,
    file,
    schedule: values.schedule ?? set(env["ROTATION_SCHEDULE"]),
    keyVaultUrl: values.vault ?? set(env["KEY_VAULT_URL"]),
  };
}

function readDiscover(args: readonly string[], env: EnvironmentVariables) {
  const { values } = parsed(() => parseArgs({ args: [...args], options: options.discover }));
  if (values.help) return help;
  const { subscription = [], out, compare, vault } = values;
  if (subscription.length === 0)
    throw new UsageError("Name each subscription to search: --subscription and its id.");
  for (const id of subscription) {
    const { rule, remedy } = nameRules.subscription;
    if (!isLegalName(nameRules.subscription, id))
      throw new UsageError(`--subscription ${JSON.stringify(id)}: ${rule}; ${remedy}.`);
  }
  if (compare !== undefined && (out !== undefined || vault !== undefined))
    throw new UsageError("--compare writes nothing: leave out --out and --vault.");
  const url = set(env[settings.resourceManager.name]) ?? settings.resourceManager.default;
  return {
    kind: "discover" as const,
    scope: {
      subscriptions: [...new Set(subscription.map((id) => id.toLowerCase()))],
      resourceGroups: values["resource-group"] ?? [],
    },
    file: compare ?? out ?? "gateways.json",
    writes: compare === undefined,
    /** Of a new file. */
    vaultUrl: vault === undefined ? undefined : accepted("--vault", parseVaultUrl(vault)),
    resourceManager: accepted(
      `The environment variable ${settings.resourceManager.name}`,
      parseResourceManager(url),
    ),
  };
}

/** An empty variable counts as unset, as in the function app. */
const set = (value: string | undefined): string | undefined => (value?.trim() === "" ? undefined : value);
