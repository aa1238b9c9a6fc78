import type { SecretAddress } from "../../src/domain/target.ts";
import type { ListedVersion } from "../azure/keyVaultLists.ts";
import { type Finding, findingCodes, rules } from "./findings.ts";
import { type Severity, severities } from "./rule.ts";

/** The part of the history to report: from `since` (included) until `until` (not included). */
export interface Period {
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** The result of an audit, before a renderer turns it into text. */
export interface AuditReport {
  readonly createdAt: Date;
  readonly period: Period;
  readonly vaults: readonly string[];
  /** Those with the most severe findings first. */
  readonly secrets: readonly SecretAudit[];
  readonly unknown: readonly Unknown[];
}

export interface SecretAudit {
  readonly address: SecretAddress;
  /** The gateway's name where gateways.json has the secret, else the secret's name. */
  readonly name: string;
  /** The longest that a key may live, in days; undefined if no period is known. */
  readonly everyDays: number | undefined;
  /** All versions, oldest first. */
  readonly history: readonly ListedVersion[];
  /** Those of the report's period. */
  readonly versions: readonly ListedVersion[];
  /** Those of the report's period, most severe first. */
  readonly findings: readonly Finding[];
}

/** What the audit could not check, and why. */
export interface Unknown {
  /** A vault's URL, a secret's URL, or an option. */
  readonly place: string;
  readonly code: string;
  readonly message: string;
  readonly action: string;
}

/** 0 for the most severe. */
export const severityRank = ({ severity }: Pick<Finding, "severity">): number => severities.indexOf(severity);

export const needsAttention = ({ severity }: Pick<Finding, "severity">): boolean =>
  severity !== "information";

/** The most severe findings that a gateway has. */
export const worst = ({ findings }: SecretAudit): Severity | "clean" =>
  severities.find((severity) => findings.some((finding) => finding.severity === severity)) ?? "clean";

/** All findings by their rule, the most severe rules first, so that a reader needs what is common once. */
export function findingsByCode({ secrets }: AuditReport) {
  // `name`: the secret's; `index`: its place in the report.
  const cases = secrets.flatMap(({ name, findings }, index) =>
    findings.map((finding) => ({ finding, name, index })),
  );
  const byCode = Map.groupBy(cases, ({ finding }) => finding.code);
  return findingCodes
    .map((code) => ({ ...rules[code], code, cases: byCode.get(code) ?? [] }))
    .filter(({ cases }) => cases.length > 0)
    .toSorted((one, other) => severityRank(one) - severityRank(other));
}

export type FindingGroup = ReturnType<typeof findingsByCode>[number];

/** The number of findings of each severity. */
export function countFindings({ secrets }: Pick<AuditReport, "secrets">): Readonly<Record<Severity, number>> {
  const all = secrets.flatMap(({ findings }) => findings);
  const number = (wanted: Severity) => all.filter(({ severity }) => severity === wanted).length;
  return { problem: number("problem"), warning: number("warning"), information: number("information") };
}

export const countVersions = ({ secrets }: AuditReport): number =>
  secrets.reduce((sum, { versions }) => sum + versions.length, 0);

/** 0: no problem and no warning. 1: problems or warnings. 2: the audit could not check something. */
export function exitCodeOf(report: AuditReport): 0 | 1 | 2 {
  if (report.unknown.length > 0) return 2;
  const { problem, warning } = countFindings(report);
  return problem + warning > 0 ? 1 : 0;
}

export const secretUrl = ({ vaultUrl, secretName }: SecretAddress): string =>
  `${vaultUrl}/secrets/${secretName}`;
