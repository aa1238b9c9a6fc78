import { extname } from "node:path";
import { writtenByUs } from "../../src/domain/secretStore.ts";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html/page.ts";
import { type AuditReport, countFindings, type SecretAudit } from "./report.ts";

/** What renders a report, by the name of the format, which is the file's ending too. */
export const formats = { json: renderJson, csv: renderCsv, html: renderHtml } as const satisfies Record<
  string,
  (report: AuditReport) => string
>;

export type Format = keyof typeof formats;

export const isFormat = (text: string): text is Format => Object.hasOwn(formats, text);

/** The format by the file's ending; undefined if no format has this ending. */
export function formatOf(file: string): Format | undefined {
  const ending = extname(file).slice(1).toLowerCase();
  return isFormat(ending) ? ending : undefined;
}

/** Raise it when a field changes its meaning or is removed. docs/audit.md describes the fields. */
const schemaVersion = 1;

/** The report for programs, with every tag as it is in the vault. */
function renderJson(report: AuditReport): string {
  const { createdAt, period, vaults, secrets, unknown } = report;
  const document = {
    schema: "gateway-key-rotation/audit",
    schemaVersion,
    createdAt,
    period: { since: period.since ?? null, until: period.until ?? null },
    vaults,
    counts: { secrets: secrets.length, ...countFindings(report), unknown: unknown.length },
    unknown,
    secrets: secrets.map(secretOf),
  };
  return `${escaped(JSON.stringify(document, null, 2))}\n`;
}

/** JSON.stringify leaves some control characters and all characters that change the direction of writing as they are. */
const escaped = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const secretOf = ({ address, name, everyDays, findings, versions }: SecretAudit) => ({
  name,
  ...address,
  everyDays: everyDays ?? null,
  findings,
  versions: versions.map((version) => ({
    version: version.version,
    createdOn: version.createdOn,
    updatedOn: version.updatedOn,
    expiresOn: version.expiresOn ?? null,
    enabled: version.enabled,
    contentType: version.contentType ?? null,
    writtenByUs: writtenByUs(version),
    tags: version.tags,
  })),
});
