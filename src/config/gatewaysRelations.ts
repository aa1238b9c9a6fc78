import type { DocumentSettings } from "./appSettings.ts";
import { formatPath, shown } from "./configurationProblem.ts";
import type { DocumentFault } from "./gatewaysFaults.ts";
import { type GatewayDefaults, mostDays } from "./gatewaysSchema.ts";
import type { ResolvedGateway } from "./resolveGateway.ts";

export interface RelatedGateways extends Pick<DocumentSettings, "sampleAllowed"> {
  /** Undefined while they are broken. */
  readonly defaults: GatewayDefaults | undefined;
  /** The entries that are valid by themselves. */
  readonly gateways: readonly ResolvedGateway[];
  /** Whether these are all entries. */
  readonly isWhole: boolean;
}

/** Finds what no entry shows by itself: what is missing everywhere, what contradicts, and what is there twice. */
export function relationFaults(related: RelatedGateways): readonly DocumentFault[] {
  const { defaults = {}, gateways, sampleAllowed, isWhole } = related;
  const enabled = gateways.filter((gateway) => gateway.enabled);
  return [
    ...gateways.flatMap(missingVault),
    ...expiresTooSoon(["defaults"], defaults, defaults),
    ...gateways.flatMap(({ path, entry, terms }) => expiresTooSoon(path, entry, terms)),
    ...duplicates(enabled),
    ...(sampleAllowed ? [] : sample(gateways)),
    ...(isWhole && enabled.length === 0 ? [noneEnabled(gateways)] : []),
  ];
}

function missingVault({ path, vault }: ResolvedGateway): readonly DocumentFault[] {
  if (vault.kind !== "missing") return [];
  return [
    {
      path: [...path, "vaultUrl"],
      value: shown(undefined),
      rule: "every gateway's key has a vault: its own vaultUrl, defaults.vaultUrl or the app setting KEY_VAULT_URL",
      remedy: "set KEY_VAULT_URL, or defaults.vaultUrl, to the vault's URL",
    },
  ];
}

type Terms = ResolvedGateway["terms"];

/** The alert secretNearExpiry is raised so many days before a version expires. */
const alertLeadDays = 7;

/** A fault of the defaults is reported once: at a gateway only if the gateway sets one of the two terms itself. */
function expiresTooSoon(
  path: readonly PropertyKey[],
  written: Terms,
  { expireAfterDays, rotateEveryDays }: Terms,
): readonly DocumentFault[] {
  if (written.expireAfterDays === undefined && written.rotateEveryDays === undefined) return [];
  if (expireAfterDays === undefined || rotateEveryDays === undefined) return [];
  if (expireAfterDays > rotateEveryDays + alertLeadDays) return [];
  const rotate = Math.min(rotateEveryDays, mostDays - alertLeadDays - 1);
  return [
    {
      path: [...path, written.expireAfterDays === undefined ? "rotateEveryDays" : "expireAfterDays"],
      value: `expires after ${expireAfterDays} days, rotated every ${rotateEveryDays} days`,
      rule: `expireAfterDays exceeds rotateEveryDays by more than ${alertLeadDays} days: the alert for a key that is near its expiry comes ${alertLeadDays} days before`,
      remedy: `write "rotateEveryDays": ${rotate} and "expireAfterDays": ${rotate + alertLeadDays + 1} or more`,
    },
  ];
}

/** Two entries of the same resource id also have the same name and secret: they are reported once. */
function duplicates(gateways: readonly ResolvedGateway[]): readonly DocumentFault[] {
  const firstPaths = new Map<string, string>();
  return gateways.flatMap(({ path, entry, name, vault, secretName }) => {
    /** The path of an earlier gateway with the same value, without regard to case. */
    const earlier = (property: string, value: string): string | undefined => {
      const key = `${property} ${value.toLowerCase()}`;
      const first = firstPaths.get(key);
      if (first === undefined) firstPaths.set(key, formatPath(path));
      return first;
    };
    const fault = (property: string, value: string, rule: string, remedy: string): DocumentFault[] => [
      { path: [...path, property], value: shown(value), rule, remedy },
    ];
    const { resourceId, identity } = entry.resourceId;
    const sameId = earlier("resourceId", identity);
    if (sameId !== undefined) {
      const rule = `every gateway is listed once, but ${sameId} names the same one (ids compare without case)`;
      return fault("resourceId", resourceId, rule, "remove one of the two entries");
    }
    const secret = vault.kind === "vault" ? `${vault.url}/secrets/${secretName}` : undefined;
    const [sameName, sameSecret] = [earlier("name", name), secret && earlier("secretName", secret)];
    const nameRule = `names are unique without regard to case, but ${sameName} has the same`;
    const secretRule = `every gateway has a secret of its own, but ${sameSecret} has the same (names compare without case)`;
    return [
      ...(sameName ? fault("name", name, nameRule, 'give one of the two another "name"') : []),
      ...(secret && sameSecret
        ? fault("secretName", secret, secretRule, 'give one of the two another "secretName"')
        : []),
    ];
  });
}

const sampleSubscription = "00000000-0000-0000-0000-000000000000";

function sample(gateways: readonly ResolvedGateway[]): readonly DocumentFault[] {
  const invented = gateways.filter(({ entry }) => entry.resourceId.subscriptionId === sampleSubscription);
  const [first] = invented;
  if (first === undefined) return [];
  return [
    {
      path: [...first.path, "resourceId"],
      value: shown(first.entry.resourceId.resourceId),
      rule: "this is the sample configuration: its subscription exists only on the local machine",
      remedy: `put your own gateways in the place of the sample's (${invented.length} left)`,
    },
  ];
}

function noneEnabled(gateways: readonly ResolvedGateway[]): DocumentFault {
  return {
    path: ["gateways"],
    value: `(${gateways.length}, none of them enabled)`,
    rule: "at least one gateway is enabled: a configuration that rotates nothing would not be noticed",
    remedy: "enable one; to stop all rotation, disable the function instead",
  };
}
