import { formatPath, shown } from "./configurationProblem.ts";
import type { DocumentFault } from "./gatewaysFaults.ts";
import type { ResolvedDocument, ResolvedGateway, Terms } from "./resolve.ts";

/** What no property shows by itself: what is missing everywhere, what contradicts, and what is there twice. */
export function relationFaults(document: ResolvedDocument, sampleAllowed: boolean): readonly DocumentFault[] {
  const { gateways } = document;
  return [
    ...gateways.flatMap(missingVault),
    ...expiresTooSoon(["defaults"], document.defaults, document.defaults),
    ...gateways.flatMap(({ path, given, terms }) => expiresTooSoon(path, given, terms)),
    // A disabled entry does not stand in its successor's way.
    ...duplicates(gateways.filter(({ enabled }) => enabled === true)),
    ...(sampleAllowed ? [] : sample(gateways)),
    ...noneEnabled(gateways),
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

/** Reported where at least one of the two terms is written, so that gateways do not repeat their defaults' fault. */
function expiresTooSoon(
  path: readonly PropertyKey[],
  written: Terms,
  { expireAfterDays, rotateEveryDays }: Terms,
): readonly DocumentFault[] {
  if (written.expireAfterDays === undefined && written.rotateEveryDays === undefined) return [];
  if (expireAfterDays === undefined || rotateEveryDays === undefined) return [];
  if (expireAfterDays >= rotateEveryDays) return [];
  return [
    {
      path: [...path, written.expireAfterDays === undefined ? "rotateEveryDays" : "expireAfterDays"],
      value: `expires after ${expireAfterDays} days, rotated every ${rotateEveryDays} days`,
      rule: "a key does not expire before its successor is due",
      remedy: `raise expireAfterDays to ${rotateEveryDays} or more, or lower rotateEveryDays`,
    },
  ];
}

/** The same target twice also has the same name and secret: it is reported once. */
function duplicates(gateways: readonly ResolvedGateway[]): readonly DocumentFault[] {
  const targets = createRegister();
  const names = createRegister();
  const secrets = createRegister();
  return gateways.flatMap((gateway) => {
    const { path, target, name, vault, secretName } = gateway;
    const sameTarget = targets.earlier(target?.identity, path);
    if (target !== undefined && sameTarget !== undefined) {
      return [
        {
          path: [...path, "resourceId"],
          value: shown(target.resourceId),
          rule: `every gateway is listed once, but ${sameTarget} names the same one (ids compare without case)`,
          remedy: "remove one of the two entries",
        },
      ];
    }
    const faults: DocumentFault[] = [];
    const sameName = names.earlier(name?.toLowerCase(), path);
    if (sameName !== undefined) {
      faults.push({
        path: [...path, "name"],
        value: shown(name),
        rule: `names are unique without regard to case, but ${sameName} has the same`,
        remedy: 'give one of the two another "name"',
      });
    }
    const address =
      vault.kind === "vault" && secretName !== undefined ? `${vault.url}/secrets/${secretName}` : undefined;
    const sameSecret = secrets.earlier(address?.toLowerCase(), path);
    if (sameSecret !== undefined) {
      faults.push({
        path: [...path, "secretName"],
        value: shown(address),
        rule: `every gateway has a secret of its own, but ${sameSecret} has the same (names compare without case)`,
        remedy: 'give one of the two another "secretName"',
      });
    }
    return faults;
  });
}

function createRegister() {
  const seen = new Map<string, string>();
  return {
    /** The place that had this key before; undefined for the first, which is remembered. */
    earlier(key: string | undefined, path: readonly PropertyKey[]): string | undefined {
      if (key === undefined) return undefined;
      const place = seen.get(key);
      if (place === undefined) seen.set(key, formatPath(path));
      return place;
    },
  };
}

const sampleSubscription = "00000000-0000-0000-0000-000000000000";

function sample(gateways: readonly ResolvedGateway[]): readonly DocumentFault[] {
  const invented = gateways.filter(({ target }) => target?.subscriptionId === sampleSubscription);
  const [first] = invented;
  if (first === undefined) return [];
  return [
    {
      path: [...first.path, "resourceId"],
      value: shown(first.target?.resourceId),
      rule: "this is the sample configuration: its subscription exists on the local machine alone",
      remedy: `put your own gateways in the place of the sample's (${invented.length} left)`,
    },
  ];
}

function noneEnabled(gateways: readonly ResolvedGateway[]): readonly DocumentFault[] {
  if (gateways.length === 0 || gateways.some(({ enabled }) => enabled !== false)) return [];
  return [
    {
      path: ["gateways"],
      value: `(${gateways.length}, none of them enabled)`,
      rule: "at least one gateway is enabled: nobody would notice that nothing is rotated",
      remedy: "enable one; to stop all rotation, disable the function instead",
    },
  ];
}
