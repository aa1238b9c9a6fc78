import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type AuditScope, type AuditServices, audit } from "./audit.ts";
import { type Format, formats } from "./formats.ts";
import type { AuditReport } from "./report.ts";

export interface ReportFile {
  readonly file: string;
  readonly format: Format;
}

export interface WrittenAudit {
  readonly report: AuditReport;
  /** Files that could not be written, and why. */
  readonly unwritten: readonly { readonly file: string; readonly error: unknown }[];
}

/** Audits, and writes the report to each file; folders are made where there are none. Never throws. */
export async function writeAuditReport(
  scope: AuditScope,
  services: AuditServices,
  files: readonly ReportFile[],
): Promise<WrittenAudit> {
  const report = await audit(scope, services);
  const unwritten: { readonly file: string; readonly error: unknown }[] = [];
  for (const { file, format } of files) {
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, formats[format](report));
    } catch (error) {
      unwritten.push({ file, error });
    }
  }
  return { report, unwritten };
}
