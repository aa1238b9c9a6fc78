import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "jsonc-parser";
import { z } from "zod";
import { checkGatewaysFile } from "../cli/gateways/check.ts";
import { ConfigurationError } from "../src/config/configurationProblem.ts";

/** The parts of gateways.json that the local machine reads; all other parts are passed on unchanged. */
const GatewaysDocument = z.looseObject({
  defaults: z.looseObject({ vaultUrl: z.string().optional() }).optional(),
  gateways: z.array(z.looseObject({ resourceId: z.string(), vaultUrl: z.string().optional() })),
});
export type GatewaysDocument = z.infer<typeof GatewaysDocument>;

const LocalSettings = z.object({ Values: z.record(z.string(), z.string()) });

/** App settings by name; undefined means not set. */
export type Settings = Readonly<Record<string, string | undefined>>;

const root = path.join(import.meta.dirname, "..");

export async function readSampleSettings(): Promise<Settings> {
  return LocalSettings.parse(await readJson("local.settings.sample.json")).Values;
}

export async function readSampleGateways(): Promise<GatewaysDocument> {
  return GatewaysDocument.parse(await readJson("gateways.sample.json"));
}

/** The vault of gateways that name none: in Azure, the app setting KEY_VAULT_URL names it. */
const defaultVaultUrl = "https://default.vault.azure.net";

/**
 * Reads a file like gateways.json, with comments.
 *
 * @throws ConfigurationError where it is wrong
 */
export async function readOwnGateways(file: string): Promise<GatewaysDocument> {
  const checked = await checkGatewaysFile(file, { keyVaultUrl: defaultVaultUrl, sampleAllowed: true });
  if (checked.kind === "invalid") throw new ConfigurationError(checked.problems);
  const document = GatewaysDocument.parse(parse(await readFile(file, "utf8")));
  return { ...document, defaults: { vaultUrl: defaultVaultUrl, ...document.defaults } };
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(path.join(root, file), "utf8"));
}

/** The simulator's name of a vault: `contoso-keys` of `https://contoso-keys.vault.azure.net`, `vault-20443` of `https://127.0.0.1:20443`. */
function vaultOf(vaultUrl: string): string {
  const { hostname, port } = new URL(vaultUrl);
  return port === "" ? hostname.split(".", 1).join() : `vault-${port}`;
}

/** The simulator's names of the document's vaults. */
export function vaultsOf({ defaults, gateways }: GatewaysDocument): readonly string[] {
  const urls = [defaults, ...gateways].flatMap((entry) => entry?.vaultUrl ?? []);
  return [...new Set(urls.map(vaultOf))];
}

/** Returns the document with the real address of every vault. */
export function withVaultUrls(
  document: GatewaysDocument,
  vaultUrls: Readonly<Record<string, string>>,
): GatewaysDocument {
  const moved = <Entry extends { vaultUrl?: string | undefined }>(entry: Entry): Entry => {
    const vaultUrl = entry.vaultUrl === undefined ? undefined : vaultUrls[vaultOf(entry.vaultUrl)];
    return vaultUrl === undefined ? entry : { ...entry, vaultUrl };
  };
  const { defaults, gateways } = document;
  return { ...document, ...(defaults && { defaults: moved(defaults) }), gateways: gateways.map(moved) };
}
