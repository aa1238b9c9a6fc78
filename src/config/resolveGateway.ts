import { createHash } from "node:crypto";
import type { Gateway } from "../domain/target.ts";
import type { DocumentSettings } from "./appSettings.ts";
import type { GatewayDefaults, GatewayEntry } from "./gatewaysSchema.ts";

/** An entry with its defaults filled in. */
export interface ResolvedGateway {
  readonly path: readonly PropertyKey[];
  readonly entry: GatewayEntry;
  readonly name: string;
  readonly secretName: string;
  /** `unknown`: the defaults or KEY_VAULT_URL are broken, which is reported there. */
  readonly vault: { readonly kind: "vault"; readonly url: string } | { readonly kind: "missing" | "unknown" };
  readonly terms: Pick<GatewayEntry, "expireAfterDays" | "rotateEveryDays" | "verifyEveryDays" | "window">;
  readonly enabled: boolean;
}

export interface ResolveContext extends Pick<DocumentSettings, "keyVaultUrl"> {
  /** Undefined while the document's defaults are broken. */
  readonly defaults: GatewayDefaults | undefined;
}

/** Fills in what an entry leaves out. */
export function resolveGateway(
  entry: GatewayEntry,
  path: readonly PropertyKey[],
  { defaults, keyVaultUrl }: ResolveContext,
): ResolvedGateway {
  const target = entry.resourceId;
  return {
    path,
    entry,
    name: entry.name ?? target.name,
    secretName: entry.secretName ?? defaultSecretName(target.parentName, target.name),
    vault: vaultOf(entry.vaultUrl),
    terms: {
      expireAfterDays: entry.expireAfterDays ?? defaults?.expireAfterDays,
      rotateEveryDays: entry.rotateEveryDays ?? defaults?.rotateEveryDays,
      verifyEveryDays: entry.verifyEveryDays ?? defaults?.verifyEveryDays,
      window: entry.window ?? defaults?.window,
    },
    enabled: entry.enabled !== false,
  };

  function vaultOf(own: string | undefined): ResolvedGateway["vault"] {
    const url = own ?? defaults?.vaultUrl ?? (keyVaultUrl.kind === "value" ? keyVaultUrl.value : undefined);
    if (own === undefined && defaults === undefined) return { kind: "unknown" };
    if (url !== undefined) return { kind: "vault", url };
    return { kind: keyVaultUrl.kind === "unset" ? "missing" : "unknown" };
  }
}

/** Undefined while its vault is missing or unknown. */
export function toGateway({ entry, name, vault, secretName, terms }: ResolvedGateway): Gateway | undefined {
  if (vault.kind !== "vault") return undefined;
  return { name, target: entry.resourceId, secret: { vaultUrl: vault.url, secretName }, ...terms };
}

const longest = 127;

/**
 * The secret's name where the configuration gives none: `{factory}-{gateway}`, made legal for Key Vault
 * (1 to 127 letters, digits and hyphens). A name that is too long is cut, and a hash of the whole keeps it apart
 * from others with the same beginning.
 *
 * @see https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning
 */
export function defaultSecretName(factoryName: string, gatewayName: string): string {
  const whole = `${factoryName}-${gatewayName}`;
  const legal = whole.replace(/[^0-9A-Za-z]+/g, "-").replace(/^-|-$/g, "");
  if (legal !== "" && legal.length <= longest) return legal;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return legal === "" ? hash : `${legal.slice(0, longest - hash.length - 1)}-${hash}`;
}
