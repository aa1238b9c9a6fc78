import { isLoopback } from "../domain/target.ts";
import { looksSecret, type Parsed, problem, value } from "./configurationProblem.ts";

/** Reads an https origin; the Azure SDKs refuse to send a token over plain http. */
export function parseOrigin(text: string): Parsed<URL> {
  const url = URL.parse(text);
  if (url !== null && /^https:\/\/[^/?#@\\\s]+\/?$/i.test(text)) return value(url);
  const meant = meantOrigin(text);
  return problem(
    "an https origin: only scheme and host, without user, path, query or fragment",
    meant === undefined ? "write https:// and the host's name" : `write "${meant}"`,
  );
}

/** The origin that a text most likely means; undefined if that is not clear. */
function meantOrigin(text: string): string | undefined {
  const url = URL.parse(`https://${text.replace(/^[a-z]+:\/\//i, "")}`);
  return url !== null && /^[a-z0-9.-]+$/.test(url.hostname) && !looksSecret(text) ? url.origin : undefined;
}

/** Without Azure Germany's vault.microsoftazure.de, which closed in October 2021. */
export const vaultDomains = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"];
const vaultName = /^(?=.{3,24}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const vaultRule = `a Key Vault's URL: https://{name}. and one of ${vaultDomains.join(", ")}`;
const vaultRemedy =
  "write the Vault URI that the portal shows, even if the vault is reached by a private endpoint";

/**
 * Reads a vault's URL. A loopback address is a vault on the local machine, with any name and port. The remedy for a
 * vault's name or resource id is its URL in the public cloud.
 */
export function parseVaultUrl(text: string): Parsed<string> {
  const url = vaultUrlOf(text);
  if (url !== undefined) return value(url);
  const [name] = /(?<=^|\/Microsoft\.KeyVault\/vaults\/)[^/?#]+/i.exec(text) ?? [];
  const candidates = [meantOrigin(text), `https://${name}.${vaultDomains[0]}`];
  const meant = candidates.map((each) => each && vaultUrlOf(each)).find((each) => each !== undefined);
  return problem(vaultRule, meant === undefined ? vaultRemedy : `write "${meant}"`);
}

function vaultUrlOf(text: string): string | undefined {
  const parsed = parseOrigin(text);
  if (parsed.kind === "problem") return undefined;
  const { origin, hostname, port } = parsed.value;
  const domain = vaultDomains.find((suffix) => hostname.endsWith(`.${suffix}`)) ?? "";
  const isVault = domain !== "" && vaultName.test(hostname.slice(0, -domain.length - 1)) && port === "";
  return isLoopback(hostname) || isVault ? origin : undefined;
}

export interface ResourceManagerEndpoint {
  /** Lower case, without a slash at the end: `https://management.azure.com`. */
  readonly url: string;
  /** On this machine. */
  readonly loopback: boolean;
  readonly scope: string;
}

export function parseResourceManager(text: string): Parsed<ResourceManagerEndpoint> {
  const parsed = parseOrigin(text);
  if (parsed.kind === "problem") return parsed;
  const { origin: url, hostname } = parsed.value;
  const loopback = isLoopback(hostname);
  return value({ url, loopback, scope: `${loopback ? "https://management.azure.com" : url}/.default` });
}

const isGuid = (text = ""): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

export const parseClientId = (text: string): Parsed<string> =>
  isGuid(text)
    ? value(text)
    : problem(
        "a GUID",
        "write the Client ID that the portal shows for the managed identity, not its name or resource id",
      );

/** Accepts nothing that `BlobServiceClient.fromConnectionString` of @azure/storage-blob refuses: a test compares them. */
export function parseStorageConnectionString(text: string): Parsed<string> {
  /** The SDK compares names with case, and uses the first of two. */
  const partOf = (name: string): string =>
    pairsIn(text)
      .find((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? "";
  const isLegal = (): boolean => {
    const proxy = partOf("DevelopmentStorageProxyUri");
    if (text.startsWith("UseDevelopmentStorage=true")) return proxy === "" || URL.canParse(proxy);
    const [protocol, account] = [partOf("DefaultEndpointsProtocol"), partOf("AccountName")];
    const [key, suffix] = [partOf("AccountKey"), partOf("EndpointSuffix")];
    const endpoint = partOf("BlobEndpoint");
    // The SDK uses a key only together with a protocol.
    if (protocol === "" || key === "")
      return partOf("SharedAccessSignature") !== "" && isBlobEndpoint(endpoint);
    const implied = suffix === "" ? "" : `${protocol}://${account}.blob.${suffix}`;
    return account !== "" && base64.test(key) && isBlobEndpoint(endpoint || implied);
  };
  return isLegal()
    ? value(text)
    : problem(
        "a storage account's connection string: DefaultEndpointsProtocol, AccountName, AccountKey and EndpointSuffix or BlobEndpoint, else BlobEndpoint and SharedAccessSignature; the endpoint is an https URL without a container or query",
        "copy it again, whole, from Access keys in the portal; better, set AzureWebJobsStorage__accountName and give the function's identity its role",
      );
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;

/** The SDK accepts more, and would send requests to another host, or to a container without the journals. */
function isBlobEndpoint(endpoint: string): boolean {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:\/\/[^/?#]+(?:\/[^/?#]+)?\/?$/i.test(endpoint)) return false;
  // An emulator has the account's name in the path.
  const isEmulator = url.port !== "" || isLoopback(url.hostname) || /^[\d.]+$/.test(url.hostname);
  return isEmulator || url.pathname === "/";
}

/** Returns the string without empty pairs: the exporter refuses an extra semicolon. */
export function parseApplicationInsights(text: string): Parsed<string> {
  const pairs = parsePairs(text);
  const { protocol } = URL.parse(pairs.get("ingestionendpoint") ?? "https://default") ?? {};
  const isPairs = ![...pairs.values()].includes(undefined);
  return isPairs && isGuid(pairs.get("instrumentationkey")) && protocol === "https:"
    ? value(pairsIn(text).join(";"))
    : problem(
        "Key=Value pairs joined by semicolons, among them InstrumentationKey (a GUID) and, if it is given, an https IngestionEndpoint",
        "copy the Connection String of the Application Insights resource again, whole",
      );
}

/** Requests carry a token of the user-assigned identity `clientId`; undefined: of the identity of all other calls. */
export interface TelemetryAuthentication {
  readonly clientId: string | undefined;
}

/**
 * Refuses a client id that is not a GUID, as the platform does for the same setting.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string
 */
export function parseTelemetryAuthentication(text: string): Parsed<TelemetryAuthentication> {
  const pairs = parsePairs(text.replace(/\s*=\s*/g, "="));
  const clientId = pairs.get("clientid");
  return pairs.get("authorization")?.toUpperCase() === "AAD" && (!pairs.has("clientid") || isGuid(clientId))
    ? value({ clientId })
    : problem(
        "Authorization=AAD, with ClientId=… (a GUID) for a user-assigned identity",
        "write Authorization=AAD, with ClientId=… if the identity is user-assigned, or remove the setting where local authentication is on",
      );
}

/** By key, in lower case. The value is undefined if the pair has no `=`, or more than one. */
const parsePairs = (text: string): ReadonlyMap<string, string | undefined> =>
  new Map(
    pairsIn(text).map((pair) => {
      const [key = "", value, ...more] = pair.split("=");
      return [key.toLowerCase(), more.length === 0 ? value : undefined];
    }),
  );

const pairsIn = (text: string): readonly string[] =>
  text
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "");
