import { type AuditReport, countFindings } from "./report.ts";
import { count, list, utc } from "./words.ts";

const shown = 20;

/** The report in short, for a terminal: what is grave, and what could not be told. */
export function renderSummary(report: AuditReport): string {
  const { createdAt, vaults, secrets, unknown } = report;
  const { problem, warning, information } = countFindings(report);
  const versions = secrets.reduce((sum, secret) => sum + secret.versions.length, 0);
  const grave = secrets.flatMap(({ name, findings }) =>
    findings.filter(({ severity }) => severity !== "information").map((finding) => ({ name, ...finding })),
  );
  const lines = grave
    .toSorted((one, other) => Number(one.severity === "warning") - Number(other.severity === "warning"))
    .slice(0, shown)
    .flatMap(({ severity, code, name, message, from, action }) => [
      `${severity.padEnd(7)}  ${name}  ${code}, ${utc(from)}`,
      `         ${message}`,
      `         → ${action}`,
    ]);
  const more =
    grave.length > shown ? [`… and ${grave.length - shown} more: --out audit.html shows them all.`] : [];
  const unread = unknown.flatMap(({ place, message, action }) => [
    `unknown  ${place}`,
    `         ${message}`,
    `         → ${action}`,
  ]);
  const found = [count(problem, "problem"), count(warning, "warning"), count(information, "note")];
  return [
    `Key rotation audit of ${list(vaults.map((url) => new URL(url).host))}, ${utc(createdAt)}`,
    ...(lines.length + unread.length === 0 ? [] : [""]),
    ...lines,
    ...more,
    ...unread,
    "",
    `${count(secrets.length, "gateway")}, ${count(versions, "version")}: ${list(found)}.`,
    ...(unknown.length === 0 ? [] : [`${count(unknown.length, "thing")} could not be told.`]),
    "",
  ].join("\n");
}
