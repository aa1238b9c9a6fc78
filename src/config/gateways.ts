import { createHash } from "node:crypto";
import type { Gateway } from "../domain/target.ts";
import { type ConfigurationProblem, type Mistake, shown } from "./configurationProblem.ts";
import { type GatewayDefaults, type GatewayEntry, mostDays, readDocument } from "./gatewaysSchema.ts";
import { parseJson } from "./json.ts";

/** The app settings that the checks of the gateways need. */
export interface GatewaysSettings {
  /** The vault of gateways that name none. */
  readonly keyVaultUrl: string | undefined;
  /** Whether Resource Manager is on this machine: only there is the sample configuration accepted. */
  readonly sampleAllowed: boolean;
}

/** Stands for KEY_VAULT_URL while that is broken or not known. It may be printed, and is never opened. */
export const unknownVault = "KEY_VAULT_URL";

export interface GatewaysReading {
  readonly problems: readonly ConfigurationProblem[];
  /** The enabled gateways that have no problem of their own. */
  readonly gateways: readonly Gateway[];
}

/**
 * Reads the document of gateways.json and returns all its problems at once. Each entry is checked by itself. Then the
 * entries that have no problem are checked with the settings, the defaults and each other. An entry that is not enabled
 * is not among the gateways, and another may use its name, secret and resource id.
 *
 * @param source of the text, for the problems: `gateways.json` or `GATEWAYS`
 */
export function readGateways(
  text: string,
  source: string,
  { keyVaultUrl, sampleAllowed }: GatewaysSettings,
): GatewaysReading {
  const json = parseJson(text.replace(/^\uFEFF/, ""), "accept");
  if (json.kind === "fault") return { problems: [{ source, ...json.fault }], gateways: [] };
  const { faults, defaults, entries } = readDocument(json.value);
  // While the defaults are broken, neither the vault nor the terms of a gateway are known.
  const all = entries.map(({ path, entry }) => resolve(path, entry, defaults, defaults && keyVaultUrl));
  const enabled = all.filter((gateway) => gateway.enabled);
  const problems = [
    ...json.duplicates,
    ...faults,
    ...all.filter(({ vaultUrl }) => defaults !== undefined && vaultUrl === undefined).map(missingVault),
    ...expiresTooSoon("defaults", defaults ?? {}, defaults ?? {}),
    ...all.flatMap(({ path, entry, terms }) => expiresTooSoon(path, entry, terms)),
    ...duplicates(enabled),
    ...(sampleAllowed ? [] : sample(all)),
    ...(faults.length === 0 && enabled.length === 0 ? [noneEnabled(all)] : []),
  ].map((fault) => ({ source, ...fault }));
  return { problems, gateways: defaults === undefined ? [] : enabled.flatMap(toGateway) };
}

type Resolved = ReturnType<typeof resolve>;

function resolve(
  path: string,
  entry: GatewayEntry,
  defaults: GatewayDefaults | undefined,
  lastVault: string | undefined,
) {
  const { resourceId, name, secretName, vaultUrl, enabled, ...terms } = { ...defaults, ...entry };
  return {
    path,
    entry,
    target: resourceId,
    name: name ?? resourceId.name,
    secretName: secretName ?? defaultSecretName(resourceId.parentName, resourceId.name),
    vaultUrl: vaultUrl ?? lastVault,
    enabled: enabled !== false,
    terms,
  };
}

const toGateway = ({ name, target, vaultUrl, secretName, terms }: Resolved): readonly Gateway[] =>
  vaultUrl === undefined ? [] : [{ name, target, secret: { vaultUrl, secretName }, ...terms }];

const longestName = 127;

/**
 * The secret's name if the configuration gives none: `{factory}-{gateway}`, made legal for Key Vault
 * (1 to 127 letters, digits and hyphens). A name that is too long is cut, and a hash of the whole keeps it apart
 * from others with the same beginning.
 *
 * @see https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning
 */
export function defaultSecretName(factoryName: string, gatewayName: string): string {
  const whole = `${factoryName}-${gatewayName}`;
  const legal = whole.replace(/[^0-9A-Za-z]+/g, "-").replace(/^-|-$/g, "");
  if (legal !== "" && legal.length <= longestName) return legal;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return legal === "" ? hash : `${legal.slice(0, longestName - hash.length - 1)}-${hash}`;
}

const missingVault = ({ path }: Resolved): Mistake => ({
  path: `${path}.vaultUrl`,
  value: shown(undefined),
  rule: "every gateway's key has a vault: its own vaultUrl, defaults.vaultUrl or the app setting KEY_VAULT_URL",
  remedy: "set KEY_VAULT_URL, or defaults.vaultUrl, to the vault's URL",
});

type Terms = Pick<GatewayDefaults, "expireAfterDays" | "rotateEveryDays">;

/** The alert secretNearExpiry fires this many days before a version expires. */
const alertLeadDays = 7;

/** Reports a fault of the defaults once, and at a gateway only if the gateway sets one of the two terms itself. */
function expiresTooSoon(
  path: string,
  written: Terms,
  { expireAfterDays, rotateEveryDays }: Terms,
): readonly Mistake[] {
  if (written.expireAfterDays === undefined && written.rotateEveryDays === undefined) return [];
  if (expireAfterDays === undefined || rotateEveryDays === undefined) return [];
  if (expireAfterDays > rotateEveryDays + alertLeadDays) return [];
  const rotate = Math.min(rotateEveryDays, mostDays - alertLeadDays - 1);
  return [
    {
      path: `${path}.${written.expireAfterDays === undefined ? "rotateEveryDays" : "expireAfterDays"}`,
      value: `expires after ${expireAfterDays} days, rotated every ${rotateEveryDays} days`,
      rule: `expireAfterDays exceeds rotateEveryDays by more than ${alertLeadDays} days: the alert for a key that is near its expiry comes ${alertLeadDays} days before`,
      remedy: `write "rotateEveryDays": ${rotate} and "expireAfterDays": ${rotate + alertLeadDays + 1} or more`,
    },
  ];
}

function duplicates(gateways: readonly Resolved[]): readonly Mistake[] {
  const firstPaths = new Map<string, string>();
  return gateways.flatMap(({ path, target, name, vaultUrl, secretName }) => {
    const secret = vaultUrl && `${vaultUrl}/secrets/${secretName}`;
    const other = (property: string) => `give one of the two another "${property}"`;
    const properties = [
      ["resourceId", target.resourceId, "every gateway is listed once", "remove one of the two entries"],
      ["name", name, "every gateway has a name of its own", other("name")],
      ["secretName", secret, "every gateway has a secret of its own", other("secretName")],
    ] as const;
    const faults = properties.flatMap(([property, value, rule, remedy]) => {
      if (value === undefined) return [];
      const key = `${property} ${value.toLowerCase()}`;
      const first = firstPaths.get(key);
      firstPaths.set(key, first ?? path);
      if (first === undefined) return [];
      const whole = `${rule}, but ${first} has the same ${property} (compared without case)`;
      return [{ path: `${path}.${property}`, value: shown(value), rule: whole, remedy }];
    });
    // Two entries of the same resource id also have the same name and secret.
    return faults[0]?.path.endsWith(".resourceId") ? faults.slice(0, 1) : faults;
  });
}

const sampleSubscription = "00000000-0000-0000-0000-000000000000";

function sample(gateways: readonly Resolved[]): readonly Mistake[] {
  const invented = gateways.filter(({ target }) => target.subscriptionId === sampleSubscription);
  return invented.slice(0, 1).map(({ path, target }) => ({
    path: `${path}.resourceId`,
    value: shown(target.resourceId),
    rule: "this is the sample configuration: its subscription exists only on the local machine",
    remedy: `put your own gateways in the place of the sample's (${invented.length} left)`,
  }));
}

const noneEnabled = (gateways: readonly Resolved[]): Mistake => ({
  path: "gateways",
  value: `(${gateways.length}, none of them enabled)`,
  rule: "at least one gateway is enabled: a configuration that rotates nothing would not be noticed",
  remedy: "enable one; to stop all rotation, disable the function instead",
});
