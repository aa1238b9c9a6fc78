import { isLoopback } from "../domain/loopback.ts";
import { looksSecret, type Parsed } from "./configurationProblem.ts";

export interface Origin {
  /** Lower case, without a slash at the end: `https://management.azure.com`. */
  readonly url: string;
  readonly hostname: string;
  readonly port: string;
  /** On this machine: 127.0.0.0/8, ::1 or localhost. */
  readonly loopback: boolean;
}

const originRule = "an https origin: only scheme and host, without user, path, query or fragment";

/** Reads an https origin; the Azure SDKs refuse to send a token over plain http. */
export function parseOrigin(text: string): Parsed<Origin> {
  const url = URL.parse(text);
  if (url !== null && /^https:\/\/[^/?#@\\\s]+\/?$/i.test(text)) {
    const { origin, hostname, port } = url;
    return { kind: "value", value: { url: origin, hostname, port, loopback: isLoopback(hostname) } };
  }
  const meant = meantOrigin(text);
  const remedy = meant === undefined ? "write https:// and the host's name" : `write "${meant}"`;
  return { kind: "problem", rule: originRule, remedy };
}

/** The origin that a text most likely means; undefined where that is not clear. */
function meantOrigin(text: string): string | undefined {
  const url = URL.parse(`https://${text.replace(/^[a-z]+:\/\//i, "")}`);
  return url !== null && /^[a-z0-9.-]+$/.test(url.hostname) && !looksSecret(text) ? url.origin : undefined;
}

/** Without Azure Germany's vault.microsoftazure.de, which closed in October 2021. */
const vaultDomains = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"];
const vaultName = /^(?=.{3,24}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

const vaultProblem: Parsed<never> = {
  kind: "problem",
  rule: `a Key Vault's URL: https://{name}. and one of ${vaultDomains.join(", ")}`,
  remedy: "write the Vault URI that the portal shows, even if the vault is reached by a private endpoint",
};

/** Reads a vault's URL. A loopback address is a vault on the local machine, with any name and port. */
export function parseVaultUrl(text: string): Parsed<string> {
  const origin = parseOrigin(text);
  if (origin.kind === "problem") {
    const meant = meantOrigin(text);
    const vault = meant === undefined ? vaultProblem : parseVaultUrl(meant);
    return vault.kind === "problem" ? vault : origin;
  }
  const { url, hostname, port, loopback } = origin.value;
  if (loopback) return { kind: "value", value: url };
  if (hostname.includes(".managedhsm.")) {
    return {
      kind: "problem",
      rule: "a Managed HSM keeps cryptographic keys and has no secrets; a gateway's key is kept as a secret",
      remedy: "write the URL of a Key Vault",
    };
  }
  const domain = vaultDomains.find((suffix) => hostname.endsWith(`.${suffix}`));
  const name = domain === undefined ? "" : hostname.slice(0, -domain.length - 1);
  return vaultName.test(name) && port === "" ? { kind: "value", value: url } : vaultProblem;
}
