import { stringify } from "csv-stringify/sync";
import { writtenByUs } from "../../src/domain/secretStore.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
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
 * The report for spreadsheets: one row a version, each row on one line. Fields that a spreadsheet would run as formulas
 * are made harmless. The byte order mark is for Excel, which reads UTF-8 without it in the machine's old code page.
 */
export function renderCsv({ secrets }: AuditReport): string {
  const rows = secrets.flatMap((secret) =>
    // A secret without versions can have findings too.
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
    cast: { string: withoutFormulas },
  });
}

/**
 * In some locales a spreadsheet splits fields at semicolons, even quoted ones, and drops quotes at the beginning of a
 * part: no such part may be a formula.
 */
const withoutFormulas = (text: string): string => visible(text).replace(/;(?=[\s"]*[=+\-@＝＋－＠])/gu, ";'");

/** In the order of the columns. */
function rowOf(
  { address, name, findings }: SecretAudit,
  version: ListedVersion | undefined,
): readonly string[] {
  const codes = (isAbout: (versions: readonly string[]) => boolean): string =>
    [...new Set(findings.filter(({ versions }) => isAbout(versions)).map(({ code }) => code))].join(" ");
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
