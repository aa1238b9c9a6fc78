import { stringify } from "csv-stringify/sync";
import { writtenByUs } from "../../src/domain/secretStore.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
import { visible } from "../words.ts";
import type { Finding } from "./findings.ts";
import type { AuditReport, SecretAudit } from "./report.ts";

const tagColumns = [
  "sequence",
  "key-name",
  "trigger",
  "reason",
  "requested-by",
  "fingerprint",
  "rotation-id",
  "client-request-id",
  "request-id",
  "correlation-request-id",
  "managed-by",
] as const;

/** The codes of the findings that are about these versions, each once. */
const codesOf = (findings: readonly Finding[], isAbout: (versions: readonly string[]) => boolean): string =>
  [...new Set(findings.filter(({ versions }) => isAbout(versions)).map(({ code }) => code))].join(" ");

type Cell = (secret: SecretAudit, version: ListedVersion | undefined) => string | undefined;

/** By the name of the column, in the columns' order. A secret without versions has a row too. */
const columns: Readonly<Record<string, Cell>> = {
  vault: ({ address }) => address.vaultUrl,
  secret: ({ address }) => address.secretName,
  gateway: ({ name }) => name,
  version: (_, version) => version?.version,
  created: (_, version) => version?.createdOn.toISOString(),
  updated: (_, version) => version?.updatedOn.toISOString(),
  expires: (_, version) => version?.expiresOn?.toISOString(),
  enabled: (_, version) => version?.enabled.toString(),
  "written-by-us": (_, version) => version && writtenByUs(version).toString(),
  ...Object.fromEntries(tagColumns.map((tag): [string, Cell] => [tag, (_, version) => version?.tags[tag]])),
  findings: ({ findings }, version) =>
    version && codesOf(findings, (versions) => versions.includes(version.version)),
  "secret-findings": ({ findings }) => codesOf(findings, (versions) => versions.length === 0),
};

/**
 * The report for spreadsheets: one row a version, each row on one line. Fields that a spreadsheet would run as formulas
 * are made harmless. The byte order mark is for Excel, which reads UTF-8 without it in the machine's old code page.
 */
export function renderCsv({ secrets }: AuditReport): string {
  const rows = secrets.flatMap((secret) =>
    (secret.versions.length === 0 ? [undefined] : secret.versions).map((version) =>
      Object.values(columns).map((cell) => cell(secret, version) ?? ""),
    ),
  );
  return stringify(rows, {
    bom: true,
    header: true,
    columns: Object.keys(columns),
    quoted: true,
    quoted_empty: true,
    escape_formulas: true,
    record_delimiter: "windows",
    cast: { string: withoutFormulas },
  });
}

/**
 * In some locales a spreadsheet splits fields at semicolons, even quoted ones, and drops quotes at the beginning of a
 * part: no such part may be a formula.
 */
const withoutFormulas = (text: string): string => visible(text).replace(/;(?=[\s"]*[=+\-@＝＋－＠])/gu, ";'");
