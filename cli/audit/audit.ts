import pMap from "p-map";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { newestFirst, preflightSecretName, writtenByUs } from "../../src/domain/secretStore.ts";
import type { Gateway, SecretAddress } from "../../src/domain/target.ts";
import type { ListedVersion, VaultHistory } from "../azure/keyVaultLists.ts";
import { signIn } from "../command.ts";
import { listSome, visible } from "../words.ts";
import { findingsOf } from "./findings.ts";
import {
  type AuditReport,
  type Period,
  type SecretAudit,
  secretUrl,
  severityRank,
  type Unknown,
} from "./report.ts";
import { rotateEveryDaysOf, severities } from "./rule.ts";

type AuditedGateway = Pick<Gateway, "name" | "secret" | "rotateEveryDays" | "window">;

/** What to audit. */
export interface AuditScope {
  /** URLs of vaults, without a slash at the end: the audit reports every secret there that this system has written. */
  readonly vaults?: readonly string[];
  /** Gateways whose secrets the audit reports, whether or not this system has written them. */
  readonly gateways?: readonly AuditedGateway[];
  /** The longest that a key may live, in days, where neither the gateway nor its version names a period. */
  readonly everyDays?: number | undefined;
  /** Names of gateways or secrets, compared without case; an empty list means all. */
  readonly only?: readonly string[];
  readonly period?: Period;
}

export interface AuditServices {
  readonly vaultHistory: VaultHistory;
  /** Default: the clock's time. */
  readonly now?: Date;
  /** Called after each history that the audit has read. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Key Vault serves 4,000 lists in ten seconds for each vault; eight at a time stay far below that. */
const concurrency = 8;

/** A secret that the audit reads. */
interface Candidate {
  readonly address: SecretAddress;
  readonly gateway: AuditedGateway | undefined;
}

/**
 * Reads the version histories and judges them. Never throws: what it could not read is in the report's `unknown`, and
 * the rest is reported.
 */
export async function audit(scope: AuditScope, services: AuditServices): Promise<AuditReport> {
  const { vaultHistory, now = new Date(), onProgress } = services;
  const { vaults = [], gateways = [], only = [], period = {} } = scope;
  const failures: Failure[] = [];

  const listed = await pMap(
    vaults,
    async (vaultUrl): Promise<readonly SecretAddress[]> => {
      const listing = await vaultHistory.secretNames(vaultUrl);
      if (listing.kind === "listed") return listing.items.map((secretName) => ({ vaultUrl, secretName }));
      failures.push({ vaultUrl, problem: listing.problem });
      return [];
    },
    { concurrency },
  );
  const candidates = candidatesOf(listed.flat(), gateways).filter(
    ({ address, gateway }) =>
      only.length === 0 || only.some((name) => isOneOf(name, address.secretName, gateway?.name)),
  );

  let done = 0;
  const audits = await pMap(
    candidates,
    async (candidate): Promise<readonly SecretAudit[]> => {
      const listing = await vaultHistory.versions(candidate.address);
      onProgress?.(++done, candidates.length);
      if (listing.kind === "failed") {
        failures.push({ ...candidate.address, problem: listing.problem });
        return [];
      }
      if (candidate.gateway === undefined && !listing.items.some(writtenByUs)) return [];
      return [auditOf(candidate, oldestFirst(listing.items), scope, now)];
    },
    { concurrency },
  );
  const unknown = notRead(failures);
  const secrets = audits.flat().toSorted(mostSevereFirst);
  return {
    createdAt: now,
    period,
    vaults: [...new Set([...vaults, ...gateways.map(({ secret }) => secret.vaultUrl)])],
    secrets,
    unknown: [...unknown, ...notFound(scope, secrets, unknown)],
  };
}

/** By date, and within one of Key Vault's whole seconds by the `sequence` tag. */
export const oldestFirst = (versions: readonly ListedVersion[]): readonly ListedVersion[] =>
  versions.toSorted(newestFirst).reverse();

/** Each secret once. Where gateways.json names a listed secret, its spelling and its gateway are taken. */
function candidatesOf(
  listed: readonly SecretAddress[],
  gateways: readonly AuditedGateway[],
): readonly Candidate[] {
  const all = [
    ...listed.map((address) => ({ address, gateway: undefined })),
    ...gateways.map((gateway) => ({ address: gateway.secret, gateway })),
  ];
  const unique = new Map(
    all.map((candidate) => [secretUrl(candidate.address).toLowerCase(), candidate] as const),
  );
  return [...unique.values()].filter(({ address }) => !isOneOf(preflightSecretName, address.secretName));
}

const isOneOf = (name: string, ...names: readonly (string | undefined)[]): boolean =>
  names.some((other) => other?.toLowerCase() === name.toLowerCase());

function auditOf(
  { address, gateway }: Candidate,
  history: readonly ListedVersion[],
  scope: AuditScope,
  now: Date,
): SecretAudit {
  const { since, until } = scope.period ?? {};
  const overlapsPeriod = (from: Date, to: Date): boolean =>
    (since === undefined || to >= since) && (until === undefined || from < until);
  const newest = history.findLast(writtenByUs);
  const everyDays = gateway?.rotateEveryDays ?? (newest && rotateEveryDaysOf(newest)) ?? scope.everyDays;
  // The rules judge the whole history: a pause or a gap in the numbers can begin before the period.
  const configured = gateway !== undefined;
  const findings = findingsOf({ versions: history, configured, everyDays, window: gateway?.window }, now);
  return {
    address,
    name: gateway?.name ?? address.secretName,
    everyDays,
    history,
    versions: history.filter(({ createdOn }) => overlapsPeriod(createdOn, createdOn)),
    findings: findings
      // A finding without versions is about the secret as it is now, whatever the period.
      .filter(({ from, to, versions }) => versions.length === 0 || overlapsPeriod(from, to))
      .toSorted((one, other) => severityRank(one) - severityRank(other)),
  };
}

const highestRank = ({ findings }: SecretAudit): number =>
  Math.min(severities.length, ...findings.map(severityRank));

/** `gateway-2` before `gateway-10` */
const byName = new Intl.Collator("en", { numeric: true });

const mostSevereFirst = (one: SecretAudit, other: SecretAudit): number =>
  highestRank(one) - highestRank(other) || byName.compare(one.name, other.name);

/**
 * An audit that read no secret must not look like one without findings. A place that could not be read is not named
 * a second time.
 */
function notFound(
  { vaults = [], only = [] }: AuditScope,
  secrets: readonly SecretAudit[],
  unread: readonly Unknown[],
): readonly Unknown[] {
  if (only.length > 0) {
    if (unread.length > 0) return [];
    return only
      .filter((name) => !secrets.some((secret) => isOneOf(name, secret.address.secretName, secret.name)))
      .map(noSuchGateway);
  }
  return vaults
    .filter((vaultUrl) => !secrets.some(({ address }) => address.vaultUrl === vaultUrl))
    .filter((vaultUrl) => !unread.some(({ place }) => `${place}/`.startsWith(`${vaultUrl}/`)))
    .map(noRotatedSecret);
}

const signInAlone = `${signIn} AZURE_TOKEN_CREDENTIALS=dev limits the audit to your own sign-in.`;

/** What the operator does about a list that failed, by the problem's code. */
const actions: Readonly<Record<string, string>> = {
  "no-token": signInAlone,
  unauthenticated: `The vault does not accept this sign-in, which may belong to another tenant. ${signInAlone}`,
  forbidden:
    "Ask for the role Key Vault Reader on this vault (data action Microsoft.KeyVault/vaults/secrets/readMetadata/action; with access policies: secret permission List). If the message names a firewall, run the audit from a network that the vault admits.",
  "not-sent": "Check the vault's URL.",
  unreachable: "Check the vault's URL, and that this machine's network and DNS reach the vault.",
  throttled: "Wait a minute and run the audit again.",
};

/** A list that failed: of a vault's secrets, or of a secret's versions. */
interface Failure {
  readonly vaultUrl: string;
  readonly secretName?: string;
  readonly problem: CallProblem;
}

/** One cause, such as a missing sign-in, fails every list of a vault: it is reported once for each vault. */
function notRead(failures: readonly Failure[]): readonly Unknown[] {
  const causes = Map.groupBy(failures, ({ vaultUrl, problem }) => `${vaultUrl} ${problem.code}`);
  return [...causes.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { vaultUrl, secretName, problem } = first;
    const { code } = problem;
    const names = group.flatMap(({ secretName }) => secretName ?? []);
    const message = visible(problem.message);
    return {
      place: group.length > 1 || secretName === undefined ? vaultUrl : secretUrl({ vaultUrl, secretName }),
      code,
      message: group.length === 1 ? message : `${message} Not read: ${listSome(names, 5)}.`,
      action:
        actions[code] ?? "Run the audit again. If it fails again, check the vault's health in the portal.",
    };
  });
}

const noRotatedSecret = (vaultUrl: string): Unknown => ({
  place: vaultUrl,
  code: "no-rotated-secret",
  message: "This system wrote no version of any secret in this vault.",
  action: "Check that this is the right vault, and that this system has rotated a gateway into it.",
});

const noSuchGateway = (name: string): Unknown => ({
  place: `--gateway ${visible(name)}`,
  code: "no-such-gateway",
  message: "No gateway and no secret of this system has this name.",
  action: "Run the audit without --gateway to see all names.",
});
