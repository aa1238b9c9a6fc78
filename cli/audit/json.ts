import { writtenByUs } from "../../src/domain/secretVersions.ts";
import { type AuditReport, countFindings, type SecretAudit } from "./report.ts";

/** Raised when a reader of the version before would be misled. docs/audit.md describes it. */
const schemaVersion = 1;

/** The report for programs, with every tag as it is in the vault. */
export function renderJson(report: AuditReport): string {
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

/** JSON leaves in some control characters that a terminal obeys, and what changes the direction of writing. */
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
