import type { SecretAddress } from "../../src/domain/target.ts";
import type { ListedVersion } from "../../src/domain/vaultHistory.ts";
import type { Finding } from "./findings.ts";
import type { Severity } from "./rule.ts";

/** The part of the history that is looked at: from `since` until before `until`. */
export interface Period {
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** What an audit found, before it is a file. */
export interface AuditReport {
  readonly createdAt: Date;
  readonly period: Period;
  readonly vaults: readonly string[];
  /** Those with the gravest findings first. */
  readonly secrets: readonly SecretAudit[];
  readonly unknown: readonly Unknown[];
}

export interface SecretAudit {
  readonly address: SecretAddress;
  /** What people call it: the gateway's name where one is known, else the secret's. */
  readonly name: string;
  /** The longest that a key may live, in days; undefined where nobody has said. */
  readonly everyDays: number | undefined;
  /** All of them, oldest first. */
  readonly history: readonly ListedVersion[];
  /** Those of the period. */
  readonly versions: readonly ListedVersion[];
  /** Of the period, gravest first. */
  readonly findings: readonly Finding[];
}

/** What the audit cannot tell, and why. */
export interface Unknown {
  /** A vault's URL, a secret's URL, or an option. */
  readonly place: string;
  readonly code: string;
  readonly message: string;
  readonly action: string;
}

export const severities = ["problem", "warning", "information"] as const satisfies readonly Severity[];

export const gravity = ({ severity }: Finding): number => severities.indexOf(severity);

/** How many findings of each severity there are. */
export function countFindings({ secrets }: AuditReport): Readonly<Record<Severity, number>> {
  const all = secrets.flatMap(({ findings }) => findings);
  const number = (wanted: Severity) => all.filter(({ severity }) => severity === wanted).length;
  return { problem: number("problem"), warning: number("warning"), information: number("information") };
}

/** 0: nothing was found. 1: problems or warnings. 2: something could not be told, whatever else was found. */
export function exitCodeOf(report: AuditReport): 0 | 1 | 2 {
  if (report.unknown.length > 0) return 2;
  const { problem, warning } = countFindings(report);
  return problem + warning > 0 ? 1 : 0;
}

export const secretUrl = ({ vaultUrl, secretName }: SecretAddress): string =>
  `${vaultUrl}/secrets/${secretName}`;
