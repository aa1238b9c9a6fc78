import { createHash } from "node:crypto";

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
