import type { Parsed } from "./configurationProblem.ts";
import { guid, type SettingRule } from "./settingRules.ts";

const storageRule = "a storage account's connection string, as its Access keys in the portal show it";

/** Accepts what `BlobServiceClient.fromConnectionString` of @azure/storage-blob accepts: a test compares the two. */
export const storageConnectionString: SettingRule<string> = {
  rule: storageRule,
  parse: (value) => {
    const fault = storageFault(value);
    if (fault === undefined) return { kind: "value", value };
    const remedy = `${fault}: copy it again, whole; better, set AzureWebJobsStorage__accountName and give the function's identity its role`;
    return { kind: "problem", rule: storageRule, remedy };
  },
};

/** The SDK compares names of parts with case, and takes a key only together with a protocol. */
function storageFault(text: string): string | undefined {
  const parts = text.split(";").map((part) => part.trim());
  const partOf = (name: string) =>
    parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
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
    if (Buffer.from(partOf("AccountKey"), "base64").length === 0) return "its AccountKey is not base64";
    if (endpoint === "" && !/^https?$/i.test(protocol)) return "its DefaultEndpointsProtocol is not https";
    if (endpoint === "" && suffix === "") return "its EndpointSuffix is missing";
    if (endpoint === "") endpoint = `${protocol}://${accountName}.blob.${suffix}`;
  } else if (endpoint === "" || partOf("SharedAccessSignature") === "") {
    return "it has neither DefaultEndpointsProtocol and AccountKey nor BlobEndpoint and SharedAccessSignature";
  }
  return URL.canParse(endpoint) ? undefined : "its address is not a URL";
}

const applicationInsightsRule =
  "Key=Value pairs joined by semicolons, among them InstrumentationKey (a GUID) and, if it is given, an https IngestionEndpoint";

/** Returns the pairs without empty ones: the exporter refuses a string that has one semicolon too many. */
export const applicationInsightsConnectionString: SettingRule<string> = {
  rule: applicationInsightsRule,
  parse: (value) => {
    const pairs = parsePairs(value);
    const remedy = applicationInsightsRemedy(pairs);
    return remedy === undefined
      ? { kind: "value", value: [...pairs.values()].map((pair) => pair.text).join(";") }
      : { kind: "problem", rule: applicationInsightsRule, remedy };
  },
};

function applicationInsightsRemedy(pairs: ReadonlyMap<string, Pair>): string | undefined {
  const key = pairs.get("instrumentationkey")?.value;
  const endpoint = pairs.get("ingestionendpoint")?.value;
  if ([...pairs.values()].some((pair) => pair.value === undefined)) {
    return "a part of it is not Key=Value: copy the Connection String of the Application Insights resource again, whole";
  }
  if (key === undefined || guid.parse(key).kind === "problem") {
    return "its InstrumentationKey is missing or is not a GUID: copy the Connection String of the Application Insights resource";
  }
  if (endpoint !== undefined && URL.parse(endpoint)?.protocol !== "https:") {
    return "its IngestionEndpoint is not an https URL: copy the Connection String of the Application Insights resource";
  }
  return undefined;
}

export type TelemetryAuthentication =
  | { readonly kind: "instrumentation-key" }
  /** With a token: of the user-assigned identity `clientId`, else of the identity that all other calls use. */
  | { readonly kind: "entra"; readonly clientId?: string | undefined };

const authenticationRule = "Authorization=AAD, with ClientId=… (a GUID) for a user-assigned identity";

/**
 * As strict as the platform is with the same setting, which refuses a client id that is not a GUID.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string
 */
export const telemetryAuthentication: SettingRule<TelemetryAuthentication> = {
  rule: authenticationRule,
  parse: (value) => {
    const problem = (remedy: string): Parsed<never> => ({
      kind: "problem",
      rule: authenticationRule,
      remedy,
    });
    const pairs = parsePairs(value.replace(/\s*=\s*/g, "="));
    if (pairs.get("authorization")?.value?.toUpperCase() !== "AAD") {
      return problem("write Authorization=AAD, or remove the setting where local authentication is on");
    }
    const identity = pairs.get("clientid");
    if (identity === undefined) return { kind: "value", value: { kind: "entra" } };
    const clientId = guid.parse(identity.value ?? "");
    return clientId.kind === "value"
      ? { kind: "value", value: { kind: "entra", clientId: clientId.value } }
      : problem(`its ClientId is not a GUID: ${clientId.remedy}`);
  },
};

interface Pair {
  readonly text: string;
  /** Undefined where there is no `=`, or more than one. */
  readonly value: string | undefined;
}

function parsePairs(value: string): ReadonlyMap<string, Pair> {
  const pairs = value.split(";").map((pair) => pair.trim());
  return new Map(
    pairs
      .filter((pair) => pair !== "")
      .map((pair) => [pairKeyOf(pair), { text: pair, value: pairValueOf(pair) }]),
  );
}

function pairKeyOf(pair: string): string {
  return (pair.split("=")[0] ?? "").toLowerCase();
}

function pairValueOf(pair: string): string | undefined {
  const [, value, ...more] = pair.split("=");
  return more.length === 0 ? value : undefined;
}
