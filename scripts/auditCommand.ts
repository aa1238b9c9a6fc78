import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import type { AuditScope } from "../src/audit/audit.ts";
import { type Format, formatOf, formats, isFormat } from "../src/audit/formats.ts";
import type { ReportFile } from "../src/audit/writeAuditReport.ts";
import { ConfigurationError } from "../src/config/configurationError.ts";
import { readGateways } from "../src/config/gateways.ts";
import { parseVaultUrl } from "../src/config/urls.ts";
import type { Gateway } from "../src/domain/target.ts";

export const usage = `npm run audit -- options

Reads the version history of every key in Key Vault and says what is wrong with it. It needs the permission to list
secrets and none to get them, and signs in as you (az login). docs/audit.md tells the rest.

  --vault URL        all of this system's secrets in this vault; may be repeated
  --gateways FILE    the secrets that this gateways.json names, with their rotateEveryDays
  --gateway NAME     this gateway or secret alone; may be repeated
  --every DAYS       how often keys have to be rotated, where gateways.json does not say
  --since, --until   the part of the history to report, as 2026-01-31 or 2026-01-31T12:00:00Z, both included
  --out FILE         writes a report; its ending says which: .html, .csv or .json; may be repeated
  --format FORMAT    the format of the one --out, or without --out of what is printed
  --help             this text

Ends with 0 where nothing was found, with 1 where something was, with 2 where something could not be told.
`;

/** The command line cannot be used; the message says which option, and how to mend it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export type Command =
  | { readonly kind: "help" }
  | {
      readonly kind: "audit";
      readonly scope: AuditScope;
      readonly files: readonly ReportFile[];
      /** What is printed. */
      readonly print: Format | "summary";
    };

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;

/**
 * The command line, and the gateways.json that it names.
 *
 * @throws UsageError
 * @throws ConfigurationError where gateways.json is wrong
 */
export async function readCommand(args: readonly string[]): Promise<Command> {
  const values = parse(args);
  if (values.help) return { kind: "help" };
  const { vault = [], out = [], gateway = [] } = values;
  if (vault.length === 0 && values.gateways === undefined) {
    throw new UsageError(
      "Say what to audit: --vault https://{name}.vault.azure.net, or --gateways gateways.json.",
    );
  }
  const format = values.format === undefined ? undefined : readFormat(values.format);
  if (format !== undefined && out.length > 1) {
    throw new UsageError("--format goes with one --out: of several, each one's ending says its format.");
  }
  const period = { since: readDate("--since", values.since), until: readEnd("--until", values.until) };
  if (period.since !== undefined && period.until !== undefined && period.since >= period.until) {
    throw new UsageError("--since has to be before --until.");
  }
  return {
    kind: "audit",
    scope: {
      vaults: [...new Set(vault.map((url) => readVault("--vault", url)))],
      gateways: values.gateways === undefined ? [] : await readGatewaysFile(values.gateways),
      only: gateway,
      everyDays: values.every === undefined ? undefined : readDays(values.every),
      period,
    },
    files: out.map((file) => ({ file, format: format ?? readEnding(file) })),
    print: out.length === 0 ? (format ?? "summary") : "summary",
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        vault: texts,
        gateways: text,
        gateway: texts,
        every: text,
        since: text,
        until: text,
        out: texts,
        format: text,
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readVault(option: string, url: string): string {
  const parsed = parseVaultUrl(url);
  if (parsed.kind === "value") return parsed.value;
  throw new UsageError(`${option} takes ${parsed.rule}: ${parsed.remedy}.`);
}

async function readGatewaysFile(file: string): Promise<readonly Gateway[]> {
  let document: string;
  try {
    document = await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `--gateways ${file} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  const url = process.env["KEY_VAULT_URL"] ?? "";
  const keyVaultUrl =
    url === ""
      ? ({ kind: "unset" } as const)
      : ({ kind: "value", value: readVault("The environment variable KEY_VAULT_URL", url) } as const);
  const result = readGateways(document, file, { keyVaultUrl, sampleAllowed: true });
  if (result.kind === "valid") return result.gateways;
  throw new ConfigurationError(result.problems);
}

function readFormat(format: string): Format {
  if (isFormat(format)) return format;
  throw new UsageError(`--format is ${Object.keys(formats).join(", ")}, not ${JSON.stringify(format)}.`);
}

function readEnding(file: string): Format {
  const format = formatOf(file);
  if (format !== undefined) return format;
  throw new UsageError(`--out ${file}: end the name in .html, .csv or .json, or say --format.`);
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

/** A day is meant to its end. */
function readEnd(option: string, date: string | undefined): Date | undefined {
  const length = isoDay.safeParse(date).success ? 86_400_000 : 1;
  const start = readDate(option, date);
  return start && new Date(start.getTime() + length);
}
