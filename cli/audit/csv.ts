import { stringify } from "csv-stringify/sync";
import { writtenByUs } from "../../src/domain/secretVersions.ts";
import type { ListedVersion } from "../../src/domain/vaultHistory.ts";
import type { AuditReport, SecretAudit } from "./report.ts";
import { visible } from "./words.ts";

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

const columns = [
  "vault",
  "secret",
  "gateway",
  "version",
  "created",
  "updated",
  "expires",
  "enabled",
  "written-by-us",
  ...tagColumns,
  "findings",
  "secret-findings",
] as const;

/**
 * One row a version, for spreadsheets, which take what begins with `=` and its like for a formula. The byte order mark
 * is for Excel: without it, it takes UTF-8 for the machine's old code page. Every record is one line.
 */
export function renderCsv({ secrets }: AuditReport): string {
  const rows = secrets.flatMap((secret) =>
    // A secret without versions can have findings all the same.
    (secret.versions.length === 0 ? [undefined] : secret.versions).map((version) => rowOf(secret, version)),
  );
  return stringify(rows, {
    bom: true,
    header: true,
    columns: [...columns],
    quoted: true,
    quoted_empty: true,
    escape_formulas: true,
    record_delimiter: "windows",
    cast: { string: inert },
  });
}

/**
 * In other locales a spreadsheet splits at semicolons, whatever the quotes, and drops those that a field begins with:
 * what follows them must not be a formula either.
 */
const inert = (text: string): string => visible(text).replace(/;(?=[\s"]*[=+\-@＝＋－＠])/gu, ";'");

/** In the order of the columns. */
function rowOf(
  { address, name, findings }: SecretAudit,
  version: ListedVersion | undefined,
): readonly string[] {
  const codes = (about: (versions: readonly string[]) => boolean): string =>
    [...new Set(findings.filter(({ versions }) => about(versions)).map(({ code }) => code))].join(" ");
  return [
    address.vaultUrl,
    address.secretName,
    name,
    version?.version ?? "",
    version?.createdOn.toISOString() ?? "",
    version?.updatedOn.toISOString() ?? "",
    version?.expiresOn?.toISOString() ?? "",
    version === undefined ? "" : String(version.enabled),
    version === undefined ? "" : String(writtenByUs(version)),
    ...tagColumns.map((tag) => version?.tags[tag] ?? ""),
    codes((versions) => version !== undefined && versions.includes(version.version)),
    codes((versions) => versions.length === 0),
  ];
}
