import { isLoopback } from "../domain/target.ts";
import { looksSecret, type Parsed, problem, value } from "./configurationProblem.ts";
import { guid, type SettingRule } from "./settingRules.ts";

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
    return value({ url: origin, hostname, port, loopback: isLoopback(hostname) });
  }
  const meant = meantOrigin(text);
  return problem(originRule, meant === undefined ? "write https:// and the host's name" : `write "${meant}"`);
}

/** The origin that a text most likely means; undefined where that is not clear. */
function meantOrigin(text: string): string | undefined {
  const url = URL.parse(`https://${text.replace(/^[a-z]+:\/\//i, "")}`);
  return url !== null && /^[a-z0-9.-]+$/.test(url.hostname) && !looksSecret(text) ? url.origin : undefined;
}

/** Without Azure Germany's vault.microsoftazure.de, which closed in October 2021. */
export const vaultDomains = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"];
const vaultName = /^(?=.{3,24}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

const vaultProblem = problem(
  `a Key Vault's URL: https://{name}. and one of ${vaultDomains.join(", ")}`,
  "write the Vault URI that the portal shows, even if the vault is reached by a private endpoint",
);

/** The URL of a vault that is named by its resource id or by its name alone: that of the public cloud. */
function meantVault(text: string): string | undefined {
  const [name] = /(?<=^|\/Microsoft\.KeyVault\/vaults\/)[^/?#]+/i.exec(text) ?? [];
  return name !== undefined && vaultName.test(name.toLowerCase())
    ? `https://${name.toLowerCase()}.${vaultDomains[0]}`
    : undefined;
}

/** Reads a vault's URL. A loopback address is a vault on the local machine, with any name and port. */
export function parseVaultUrl(text: string): Parsed<string> {
  const origin = parseOrigin(text);
  if (origin.kind === "problem") {
    const meant = meantVault(text) ?? meantOrigin(text);
    const vault = meant === undefined ? vaultProblem : parseVaultUrl(meant);
    return vault.kind === "problem" ? vault : { ...origin, remedy: `write "${meant}"` };
  }
  const { url, hostname, port, loopback } = origin.value;
  if (loopback) return value(url);
  if (hostname.includes(".managedhsm.")) {
    return problem(
      "a Managed HSM keeps cryptographic keys and has no secrets; a gateway's key is kept as a secret",
      "write the URL of a Key Vault",
    );
  }
  const domain = vaultDomains.find((suffix) => hostname.endsWith(`.${suffix}`));
  const name = domain === undefined ? "" : hostname.slice(0, -domain.length - 1);
  return vaultName.test(name) && port === "" ? value(url) : vaultProblem;
}

const resourceManagerScope = "https://management.azure.com/.default";

export interface ResourceManagerEndpoint extends Pick<Origin, "url" | "loopback"> {
  readonly scope: string;
}

export const resourceManagerEndpoint: SettingRule<ResourceManagerEndpoint> = {
  rule: "an https origin, such as https://management.azure.com",
  parse: (text) => {
    const origin = parseOrigin(text);
    if (origin.kind === "problem") return origin;
    const { url, loopback } = origin.value;
    return value({ url, loopback, scope: loopback ? resourceManagerScope : `${url}/.default` });
  },
};

const storageRule = "a storage account's connection string, as its Access keys in the portal show it";

/** Accepts nothing that `BlobServiceClient.fromConnectionString` of @azure/storage-blob refuses: a test compares them. */
export const storageConnectionString: SettingRule<string> = {
  rule: storageRule,
  parse: (text) => {
    const fault = storageFault(text);
    const remedy = `${fault}: copy it again, whole; better, set AzureWebJobsStorage__accountName and give the function's identity its role`;
    return fault === undefined ? value(text) : problem(storageRule, remedy);
  },
};

/** The SDK compares names of parts with case, and takes a key only together with a protocol. */
function storageFault(text: string): string | undefined {
  const partOf = (name: string) =>
    pairsIn(text)
      .find((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? "";
  if (text.startsWith("UseDevelopmentStorage=true")) {
    const proxy = partOf("DevelopmentStorageProxyUri");
    return proxy === "" || URL.canParse(proxy) ? undefined : "its DevelopmentStorageProxyUri is not a URL";
  }
  const protocol = partOf("DefaultEndpointsProtocol");
  const accountName = partOf("AccountName");
  let endpoint = partOf("BlobEndpoint");
  if (protocol !== "" && partOf("AccountKey") !== "") {
    const suffix = partOf("EndpointSuffix");
    if (accountName === "") return "its AccountName is missing";
    if (!base64.test(partOf("AccountKey"))) return "its AccountKey is not base64";
    if (endpoint === "" && !/^https?$/i.test(protocol)) return "its DefaultEndpointsProtocol is not https";
    if (endpoint === "" && suffix === "") return "its EndpointSuffix is missing";
    if (endpoint === "") endpoint = `${protocol}://${accountName}.blob.${suffix}`;
  } else if (endpoint === "" || partOf("SharedAccessSignature") === "") {
    return "it has neither DefaultEndpointsProtocol and AccountKey nor BlobEndpoint and SharedAccessSignature";
  }
  return endpointFault(endpoint);
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;

/** The SDK takes more: it would send requests to another host, or to a container in which no journal is. */
function endpointFault(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:\/\/[^/]/i.test(endpoint) || url.pathname.includes("//"))
    return "its Blob endpoint is not a URL that begins with https://";
  if (url.search !== "" || url.hash !== "") return "its Blob endpoint has a query or a fragment";
  // An emulator has the account's name in the path.
  const pathStyle = url.port !== "" || isLoopback(url.hostname) || /^[\d.]+$/.test(url.hostname);
  const segments = url.pathname.split("/").filter((segment) => segment !== "").length;
  return segments > (pathStyle ? 1 : 0) ? "its Blob endpoint names a container" : undefined;
}

const applicationInsightsRule =
  "Key=Value pairs joined by semicolons, among them InstrumentationKey (a GUID) and, if it is given, an https IngestionEndpoint";

/** Returns the string without empty pairs: the exporter refuses one semicolon too many. */
export const applicationInsightsConnectionString: SettingRule<string> = {
  rule: applicationInsightsRule,
  parse: (text) => {
    const fault = applicationInsightsFault(parsePairs(text));
    const remedy = `${fault}: copy the Connection String of the Application Insights resource again, whole`;
    return fault === undefined ? value(pairsIn(text).join(";")) : problem(applicationInsightsRule, remedy);
  },
};

function applicationInsightsFault(pairs: Pairs): string | undefined {
  const endpoint = pairs.get("ingestionendpoint");
  if ([...pairs.values()].includes(undefined)) return "a part of it is not Key=Value";
  if (guid.parse(pairs.get("instrumentationkey") ?? "").kind === "problem")
    return "its InstrumentationKey is missing or is not a GUID";
  if (endpoint !== undefined && URL.parse(endpoint)?.protocol !== "https:")
    return "its IngestionEndpoint is not an https URL";
  return undefined;
}

export type TelemetryAuthentication =
  | { readonly kind: "instrumentation-key" }
  /** With a token: of the user-assigned identity `clientId`, else of the identity that all other calls use. */
  | { readonly kind: "entra"; readonly clientId?: string | undefined };

const authenticationRule = "Authorization=AAD, with ClientId=… (a GUID) for a user-assigned identity";

/**
 * Refuses a client id that is not a GUID, as the platform does for the same setting.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string
 */
export const telemetryAuthentication: SettingRule<TelemetryAuthentication> = {
  rule: authenticationRule,
  parse: (text) => {
    const pairs = parsePairs(text.replace(/\s*=\s*/g, "="));
    if (pairs.get("authorization")?.toUpperCase() !== "AAD") {
      const remedy = "write Authorization=AAD, or remove the setting where local authentication is on";
      return problem(authenticationRule, remedy);
    }
    if (!pairs.has("clientid")) return value({ kind: "entra" });
    const clientId = guid.parse(pairs.get("clientid") ?? "");
    return clientId.kind === "value"
      ? value({ kind: "entra", clientId: clientId.value })
      : problem(authenticationRule, `its ClientId is not a GUID: ${clientId.remedy}`);
  },
};

/** By the key in lower case; the value is undefined where there is no `=`, or more than one. */
type Pairs = ReadonlyMap<string, string | undefined>;

const parsePairs = (text: string): Pairs =>
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
