import { count, list, utc, when } from "../words.ts";
import { type AuditReport, countFindings, countVersions, findingsByCode, needsAttention } from "./report.ts";

/** How many findings the summary shows at most. */
const shown = 20;

/** The report for a terminal: problems and warnings by code, and what the audit could not check. */
export function renderSummary(report: AuditReport): string {
  const { createdAt, vaults, secrets, unknown } = report;
  const { problem, warning, information } = countFindings(report);
  let room = shown;
  const details = findingsByCode(report)
    .filter(needsAttention)
    .flatMap(({ code, severity, title, action, cases }) => {
      const first = cases.slice(0, room);
      room -= first.length;
      if (first.length === 0) return [];
      return [
        `${severity.padEnd(7)}  ${title} (${code})`,
        ...first.map(
          ({ name, finding }) =>
            `         ${name}: ${finding.message} ${when(finding, createdAt).join(", ")}`,
        ),
        `         → ${action}`,
      ];
    });
  const unread = unknown.flatMap(({ place, message, action }) => [
    `unknown  ${place}`,
    `         ${message}`,
    `         → ${action}`,
  ]);
  const left = problem + warning - shown;
  const found = [count(problem, "problem"), count(warning, "warning"), count(information, "note")];
  const lines = [
    ...details,
    ...(left > 0 ? [`… and ${left} more: --out audit.html shows them all.`] : []),
    ...unread,
  ];
  return [
    `Key rotation audit of ${list(vaults.map((url) => new URL(url).host))}, ${utc(createdAt)}`,
    ...(lines.length === 0 ? [] : ["", ...lines]),
    "",
    `${count(secrets.length, "gateway")}, ${count(countVersions(report), "version")}: ${list(found)}.`,
    ...(unknown.length === 0 ? [] : [`The audit could not check ${count(unknown.length, "item")}.`]),
    "",
  ].join("\n");
}
