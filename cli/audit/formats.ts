import { extname } from "node:path";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html/page.ts";
import { renderJson } from "./json.ts";
import type { AuditReport } from "./report.ts";

export const formats = { json: renderJson, csv: renderCsv, html: renderHtml } as const satisfies Record<
  string,
  (report: AuditReport) => string
>;

export type Format = keyof typeof formats;

export const isFormat = (text: string): text is Format => Object.hasOwn(formats, text);

/** By the file's ending; undefined for one that no format has. */
export function formatOf(file: string): Format | undefined {
  const ending = extname(file).slice(1).toLowerCase();
  return isFormat(ending) ? ending : undefined;
}
