import pMap from "p-map";
import { preflightSecretName } from "../../src/domain/secretVersions.ts";
import type { Gateway, SecretAddress } from "../../src/domain/target.ts";
import type { VaultHistory } from "../../src/domain/vaultHistory.ts";
import { findingsOf } from "./findings.ts";
import { isOurs, nameOf, oldestFirst, type SecretHistory } from "./history.ts";
import {
  type AuditReport,
  gravity,
  type Period,
  type SecretAudit,
  secretUrl,
  type Unknown,
} from "./report.ts";
import { noSuchGateway, nothingOfOurs, notRead } from "./unknown.ts";

/** What to audit. */
export interface AuditScope {
  /** Vaults of which every secret of ours is audited, by URL without a slash at the end. */
  readonly vaults?: readonly string[];
  /** Gateways whose secrets are audited, whether or not this system ever wrote them. */
  readonly gateways?: readonly Pick<Gateway, "name" | "secret" | "rotateEveryDays">[];
  /** The longest that a key may live, in days, where the gateway does not say. */
  readonly everyDays?: number | undefined;
  /** Names of gateways or secrets, without case; none means all. */
  readonly only?: readonly string[];
  readonly period?: Period;
}

export interface AuditServices {
  readonly vaultHistory: VaultHistory;
  /** Defaults to the clock. */
  readonly now?: Date;
  /** Called as histories are read. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Key Vault serves 4,000 lists in ten seconds: this stays far below it and is done soon enough. */
const concurrency = 8;

interface Wanted {
  readonly address: SecretAddress;
  readonly gateway: NonNullable<AuditScope["gateways"]>[number] | undefined;
}

/** Reads the version histories and judges them. What cannot be read is said in the report, beside all that can. Never throws. */
export async function audit(scope: AuditScope, services: AuditServices): Promise<AuditReport> {
  const { vaultHistory, now = new Date(), onProgress } = services;
  const { vaults = [], gateways = [], only = [], period = {} } = scope;
  const unknown: Unknown[] = [];

  const listed = await pMap(
    vaults,
    async (vaultUrl): Promise<readonly SecretAddress[]> => {
      const listing = await vaultHistory.secretNames(vaultUrl);
      if (listing.kind === "listed") return listing.items.map((secretName) => ({ vaultUrl, secretName }));
      unknown.push(notRead(vaultUrl, listing.problem));
      return [];
    },
    { concurrency },
  );
  const wanted = wantedSecrets(listed.flat(), gateways).filter(isWanted(only));

  let done = 0;
  const histories = await pMap(
    wanted,
    async ({ address, gateway }): Promise<readonly SecretHistory[]> => {
      const listing = await vaultHistory.versions(address);
      onProgress?.(++done, wanted.length);
      if (listing.kind === "failed") {
        unknown.push(notRead(secretUrl(address), listing.problem));
        return [];
      }
      const history = { address, gatewayName: gateway?.name, versions: oldestFirst(listing.items) };
      return gateway !== undefined || isOurs(history) ? [history] : [];
    },
    { concurrency },
  );
  const found = histories.flat();
  const policyOf = policies(gateways, scope.everyDays);
  return {
    createdAt: now,
    period,
    vaults: [...new Set([...vaults, ...gateways.map(({ secret }) => secret.vaultUrl)])],
    secrets: found
      .map((history) => auditOf(history, policyOf(history.address), period, now))
      .toSorted(gravestFirst),
    unknown: [...unknown, ...notFound(scope, found, unknown)],
  };
}

const key = ({ vaultUrl, secretName }: SecretAddress): string => `${vaultUrl} ${secretName.toLowerCase()}`;

/** Each secret once: as gateways.json has it, where it does. */
function wantedSecrets(
  listed: readonly SecretAddress[],
  gateways: NonNullable<AuditScope["gateways"]>,
): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const address of listed) wanted.set(key(address), { address, gateway: undefined });
  for (const gateway of gateways) wanted.set(key(gateway.secret), { address: gateway.secret, gateway });
  return [...wanted.values()].filter(
    ({ address }) => address.secretName.toLowerCase() !== preflightSecretName,
  );
}

const isWanted =
  (only: readonly string[]) =>
  ({ address, gateway }: Wanted): boolean =>
    only.length === 0 || only.some((name) => isCalled(name, address.secretName, gateway?.name));

const isCalled = (name: string, ...names: readonly (string | undefined)[]): boolean =>
  names.some((other) => other?.toLowerCase() === name.toLowerCase());

function policies(gateways: NonNullable<AuditScope["gateways"]>, everyDays: number | undefined) {
  const own = new Map(gateways.map(({ secret, rotateEveryDays }) => [key(secret), rotateEveryDays]));
  return (address: SecretAddress): number | undefined => own.get(key(address)) ?? everyDays;
}

function auditOf(
  history: SecretHistory,
  everyDays: number | undefined,
  { since, until }: Period,
  now: Date,
): SecretAudit {
  const within = (from: Date, to: Date): boolean =>
    (since === undefined || to >= since) && (until === undefined || from < until);
  return {
    address: history.address,
    name: nameOf(history),
    everyDays,
    history: history.versions,
    // Judged as a whole first: a pause or a number that is missing can begin before the period.
    versions: history.versions.filter(({ createdOn }) => within(createdOn, createdOn)),
    findings: findingsOf(history, { everyDays }, now)
      // What is about no version is about the secret as it is now, whatever the period.
      .filter(({ from, to, versions }) => versions.length === 0 || within(from, to))
      .toSorted((one, other) => gravity(one) - gravity(other)),
  };
}

const gravest = ({ findings }: SecretAudit): number => Math.min(9, ...findings.map(gravity));

/** `gateway-2` before `gateway-10` */
const byName = new Intl.Collator("en", { numeric: true });

const gravestFirst = (one: SecretAudit, other: SecretAudit): number =>
  gravest(one) - gravest(other) || byName.compare(one.name, other.name);

/** An audit that looked at nothing must not pass for one that found nothing. What could not be read is said already. */
function notFound(
  { vaults = [], only = [] }: AuditScope,
  found: readonly SecretHistory[],
  unread: readonly Unknown[],
): readonly Unknown[] {
  if (only.length > 0) {
    if (unread.length > 0) return [];
    return only
      .filter(
        (name) => !found.some(({ address, gatewayName }) => isCalled(name, address.secretName, gatewayName)),
      )
      .map(noSuchGateway);
  }
  return vaults
    .filter((vaultUrl) => !found.some(({ address }) => address.vaultUrl === vaultUrl))
    .filter((vaultUrl) => !unread.some(({ place }) => `${place}/`.startsWith(`${vaultUrl}/`)))
    .map(nothingOfOurs);
}
