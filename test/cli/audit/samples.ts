import { createHash } from "node:crypto";
import { type AuditScope, audit } from "../../../cli/audit/audit.ts";
import type { AuditReport } from "../../../cli/audit/report.ts";
import type { ListedVersion, VaultHistory } from "../../../cli/azure/keyVaultLists.ts";
import type { SecretAddress } from "../../../src/domain/target.ts";

export const now = new Date("2026-06-01T12:00:00Z");
export const day = 86_400_000;
export const contoso = "https://contoso-keys.vault.azure.net";

export const daysAgo = (days: number): Date => new Date(now.getTime() - days * day);

/** Hexadecimal digits that depend on the seed alone. */
const digits = (seed: string, length: number): string =>
  createHash("sha256").update(seed).digest("hex").slice(0, length);

const guid = (seed: string): string => digits(seed, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

/** A version as this system writes it. */
export function rotated(
  sequence: number,
  createdOn: Date,
  change: Partial<ListedVersion> = {},
  secret = "a",
): ListedVersion {
  const seed = `${secret}/${sequence}`;
  return {
    version: digits(`${seed} version`, 32),
    createdOn,
    updatedOn: createdOn,
    expiresOn: new Date(createdOn.getTime() + 90 * day),
    enabled: true,
    contentType: "application/vnd.azure-data-factory.integration-runtime-key",
    ownedByCertificate: false,
    ...change,
    tags: {
      "managed-by": "gateway-key-rotation/prod",
      "rotation-id": guid(`${seed} rotation`),
      sequence: String(sequence),
      trigger: "schedule",
      reason: "scheduled",
      "requested-by": "timer",
      "key-name": sequence % 2 === 0 ? "authKey1" : "authKey2",
      fingerprint: digits(`${seed} key`, 12),
      "client-request-id": guid(`${seed} attempt`),
      "request-id": guid(`${seed} request`),
      "correlation-request-id": guid(`${seed} correlation`),
      ...change.tags,
    },
  };
}

/** A version as an operator writes it in the portal. */
export function foreignVersion(createdOn: Date, change: Partial<ListedVersion> = {}): ListedVersion {
  return {
    version: digits(`foreign ${createdOn.toISOString()}`, 32),
    createdOn,
    updatedOn: createdOn,
    enabled: true,
    tags: {},
    ownedByCertificate: false,
    ...change,
  };
}

/** `count` rotations on time, one every `everyDays` days, the last one half a period ago. */
export const regular = (count: number, everyDays: number, secret = "a"): readonly ListedVersion[] =>
  Array.from({ length: count }, (_, index) =>
    rotated(index + 1, daysAgo((count - index - 0.5) * everyDays), {}, secret),
  );

/** Vaults by URL, with the versions of their secrets by name. */
export type Vaults = Readonly<Record<string, Readonly<Record<string, readonly ListedVersion[]>>>>;

/** Vaults' lists from memory: names compare without case, and versions come in the order of their ids. */
export function vaultHistoryOf(vaults: Vaults): VaultHistory {
  const byId = (one: ListedVersion, other: ListedVersion): number => (one.version < other.version ? -1 : 1);
  return {
    secretNames: async (vaultUrl) => ({ kind: "listed", items: Object.keys(vaults[vaultUrl] ?? {}) }),
    versions: async ({ vaultUrl, secretName }: SecretAddress) => {
      const secrets = Object.entries(vaults[vaultUrl] ?? {});
      const found = secrets.find(([name]) => name.toLowerCase() === secretName.toLowerCase());
      return { kind: "listed", items: [...(found?.[1] ?? [])].sort(byId) };
    },
  };
}

/** The audit of these vaults: by default of the first sample vault, with a period of 30 days. */
export const reportOf = (vaults: Vaults, scope: AuditScope = {}): Promise<AuditReport> =>
  audit({ vaults: [contoso], everyDays: 30, ...scope }, { vaultHistory: vaultHistoryOf(vaults), now });

/** A vault with so many gateways, about a quarter of which have findings. */
export function vaultsWith(gateways: number): Vaults {
  const secrets = Array.from({ length: gateways }, (_, index) => {
    const name = `adf-${["sales", "finance", "logistics", "research"][index % 4]}-gateway-${String(index + 1).padStart(3, "0")}`;
    return [name, historyOf(name, index)] as const;
  });
  return { [contoso]: Object.fromEntries(secrets) };
}

/** Most are clean; the others are late, overdue, foreign, incomplete, of two deployments, or disabled. */
function historyOf(name: string, index: number): readonly ListedVersion[] {
  const clean = regular(6 + (index % 9), 30, name).map((version) => ({
    ...version,
    createdOn: new Date(version.createdOn.getTime() + (index % 27) * day * 0.4),
    updatedOn: new Date(version.updatedOn.getTime() + (index % 27) * day * 0.4),
  }));
  const latest = clean.at(-1);
  if (latest === undefined) return clean;
  switch (index % 23) {
    case 1:
      return clean.filter((_, place) => place !== 3);
    case 2:
      return clean.slice(0, -2);
    case 7:
      return [...clean, foreignVersion(daysAgo(2))];
    case 11:
      return clean.map((version, place) =>
        place === 2 ? { ...version, tags: { ...version.tags, reason: "", fingerprint: "?" } } : version,
      );
    case 13:
      return clean.map((version, place) =>
        place === 4
          ? { ...version, tags: { ...version.tags, "managed-by": "gateway-key-rotation/staging" } }
          : version,
      );
    case 17:
      return [...clean.slice(0, -1), { ...latest, enabled: false, updatedOn: daysAgo(1) }];
    default:
      return clean;
  }
}
