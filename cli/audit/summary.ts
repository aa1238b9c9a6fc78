import { type AuditReport, countFindings, countVersions, needsAttention, severityRank } from "./report.ts";
import { count, list, utc } from "./words.ts";

const shown = 20;

/** The report for a terminal: problems and warnings, and what the audit could not check. */
export function renderSummary(report: AuditReport): string {
  const { createdAt, vaults, secrets, unknown } = report;
  const { problem, warning, information } = countFindings(report);
  const serious = secrets
    .flatMap(({ name, findings }) => findings.filter(needsAttention).map((finding) => ({ name, ...finding })))
    .toSorted((one, other) => severityRank(one) - severityRank(other));
  const details = [
    ...serious
      .slice(0, shown)
      .flatMap(({ severity, code, name, message, from, action }) => [
        `${severity.padEnd(7)}  ${name}  ${code}, ${utc(from)}`,
        `         ${message}`,
        `         → ${action}`,
      ]),
    ...(serious.length > shown
      ? [`… and ${serious.length - shown} more: --out audit.html shows them all.`]
      : []),
    ...unknown.flatMap(({ place, message, action }) => [
      `unknown  ${place}`,
      `         ${message}`,
      `         → ${action}`,
    ]),
  ];
  const found = [count(problem, "problem"), count(warning, "warning"), count(information, "note")];
  return [
    `Key rotation audit of ${list(vaults.map((url) => new URL(url).host))}, ${utc(createdAt)}`,
    ...(details.length === 0 ? [] : ["", ...details]),
    "",
    `${count(secrets.length, "gateway")}, ${count(countVersions(report), "version")}: ${list(found)}.`,
    ...(unknown.length === 0 ? [] : [`The audit could not check ${count(unknown.length, "item")}.`]),
    "",
  ].join("\n");
}
