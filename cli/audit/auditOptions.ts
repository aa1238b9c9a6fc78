import { access, constants } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import { readGatewaysFile } from "../../src/config/configuration.ts";
import { ConfigurationError } from "../../src/config/configurationProblem.ts";
import { parseVaultUrl } from "../../src/config/endpoints.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { accepted, parsed, text, texts, UsageError } from "../command.ts";
import { type Format, formatOf, formats, isFormat } from "./reportFormats.ts";

export const usage = `npm run audit -- options

Reads the version history of every key in Key Vault and reports what is wrong with it. It signs in as you (az login),
and needs the permission to list secrets, not to read them. docs/audit.md has the details.

  --vault URL        every secret in this vault that this system has written; may be repeated
  --gateways FILE    the secrets that this gateways.json names, with their rotateEveryDays
  --gateway NAME     only this gateway or secret; may be repeated
  --every DAYS       the longest that a key may live, where neither gateways.json nor the versions name a period
  --since, --until   the part of the history to report, as 2026-01-31 or 2026-01-31T12:00:00Z, both included
  --out FILE         writes a report in the format of its ending: .html, .csv or .json; may be repeated
  --format FORMAT    the format of the only --out; without --out, the format to print
  --demo             audits made-up vaults with months of history, on this machine, without an Azure account;
                     writes audit.html where neither --out nor --format is given
  --help             prints this text

Exit code 0: no problem and no warning. 1: problems or warnings. 2: the audit could not check something.
`;

export type AuditCommand = Extract<Awaited<ReturnType<typeof readCommand>>, { readonly kind: "audit" }>;

/**
 * Reads the command line, and the gateways.json that it names.
 *
 * @throws UsageError where an option is wrong, or the file cannot be read
 * @throws ConfigurationError where gateways.json is wrong
 */
export async function readCommand(args: readonly string[]) {
  const values = parse(args);
  if (values.help) return { kind: "help" as const };
  const { vault = [], out = [], gateway = [] } = values;
  if (values.demo) {
    if (vault.length > 0 || values.gateways !== undefined) {
      throw new UsageError("--demo has vaults of its own: leave out --vault and --gateways.");
    }
    const given = args.filter((arg) => arg !== "--demo");
    const hasOutput = out.length > 0 || values.format !== undefined;
    // An audit of the local machine's vaults, with the other options of this command line.
    return { kind: "demo" as const, args: hasOutput ? given : [...given, "--out", "audit.html"] };
  }
  if (vault.length === 0 && values.gateways === undefined) {
    throw new UsageError(
      "Name what to audit: --vault https://{name}.vault.azure.net, or --gateways gateways.json.",
    );
  }
  const format = values.format === undefined ? undefined : readFormat(values.format);
  if (format !== undefined && out.length > 1) {
    throw new UsageError("--format needs a single --out: with several, each file's ending names its format.");
  }
  const period = { since: readDate("--since", values.since), until: readEnd("--until", values.until) };
  if (period.since !== undefined && period.until !== undefined && period.since >= period.until) {
    throw new UsageError("--since must be before --until.");
  }
  /** What the command prints on standard output. */
  const print: Format | "summary" = out.length === 0 ? (format ?? "summary") : "summary";
  return {
    kind: "audit" as const,
    scope: {
      vaults: [...new Set(vault.map((url) => readVault("--vault", url)))],
      gateways: values.gateways === undefined ? [] : await readGateways(values.gateways),
      only: gateway,
      everyDays: values.every === undefined ? undefined : readDays(values.every),
      period,
    },
    files: out.map((file) => ({ file, format: format ?? readEnding(file) })),
    print,
  };
}

function parse(args: readonly string[]) {
  const options = {
    vault: texts,
    gateways: text,
    gateway: texts,
    every: text,
    since: text,
    until: text,
    out: texts,
    format: text,
    demo: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  } as const;
  return parsed(() => parseArgs({ args: [...args], options })).values;
}

const readVault = (option: string, url: string): string => accepted(option, parseVaultUrl(url));

async function readGateways(file: string): Promise<readonly Gateway[]> {
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new UsageError(
      `--gateways ${file} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  });
  const url = process.env["KEY_VAULT_URL"] ?? "";
  const keyVaultUrl = url === "" ? undefined : readVault("The environment variable KEY_VAULT_URL", url);
  const { gateways, problems } = await readGatewaysFile(file, { keyVaultUrl, sampleAllowed: true });
  if (problems.length > 0) throw new ConfigurationError(problems);
  return gateways;
}

function readFormat(format: string): Format {
  if (isFormat(format)) return format;
  throw new UsageError(`--format is ${Object.keys(formats).join(", ")}, not ${JSON.stringify(format)}.`);
}

function readEnding(file: string): Format {
  const format = formatOf(file);
  if (format !== undefined) return format;
  throw new UsageError(`--out ${file}: end the name in .html, .csv or .json, or add --format.`);
}

const wholeDays = z.coerce.number().int().min(1).max(3650);

function readDays(days: string): number {
  const parsed = wholeDays.safeParse(days);
  if (parsed.success) return parsed.data;
  throw new UsageError("--every takes a whole number of days, from 1 to 3650.");
}

const isoDay = z.iso.date();
const isoMoment = z.iso.datetime({ offset: true });

function readDate(option: string, date: string | undefined): Date | undefined {
  if (date === undefined) return undefined;
  if (isoDay.or(isoMoment).safeParse(date).success) return new Date(date);
  throw new UsageError(
    `${option} takes a date such as 2026-01-31, or a moment such as 2026-01-31T12:00:00Z.`,
  );
}

/** The period's end, not included: a day counts until it ends, a moment for itself. */
function readEnd(option: string, date: string | undefined): Date | undefined {
  const length = isoDay.safeParse(date).success ? 86_400_000 : 1;
  const start = readDate(option, date);
  return start && new Date(start.getTime() + length);
}
