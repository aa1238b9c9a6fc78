import { type ConfigurationProblem, type Parsed, problem, shown, value } from "./configurationProblem.ts";
import {
  parseApplicationInsights,
  parseClientId,
  parseOrigin,
  parseResourceManager,
  parseStorageConnectionString,
  parseTelemetryAuthentication,
  parseVaultUrl,
} from "./endpoints.ts";
import { unknownVault } from "./gateways.ts";
import { parseCronExpression } from "./schedule.ts";

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** The part of host.json that this application reads, as text: to the host, `-1` and `"-1"` mean the same. */
export interface HostJson {
  readonly functionTimeout?: string | undefined;
}

export interface Setting<T> {
  readonly name: string;
  /** Reads the setting's text. For a required setting that is missing, it gets the empty text. */
  readonly parse: (text: string) => Parsed<T>;
  readonly default?: string;
  /** A setting that holds the site's name. The default is that name, with `-<slot>` in a slot other than Production. */
  readonly defaultFrom?: string;
  /** The property of host.json that counts while the setting is not set. */
  readonly inHostJson?: keyof HostJson;
  readonly required?: boolean;
  /** Whether its value is left out of every problem. */
  readonly secret?: boolean;
}

const anyText = (text: string): Parsed<string> => value(text);

const matching = (pattern: RegExp, rule: string, remedy: string) => (text: string) =>
  pattern.test(text) ? value(text) : problem(rule, remedy);

/** @param unit by which the number is multiplied */
const wholeNumber =
  (minimum: number, maximum: number, unit = 1) =>
  (text: string) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= minimum && number <= maximum
      ? value(number * unit)
      : problem(
          `a whole number from ${minimum} to ${maximum}`,
          `write digits only, from ${minimum} to ${maximum}`,
        );
  };

/** Milliseconds from `hh:mm:ss`. The host's `-1` (unlimited) is refused. */
function parseTimeSpan(text: string): Parsed<number> {
  const [, hours, minutes, seconds] = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/.exec(text) ?? [];
  const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return total > 0
    ? value(total * 1000)
    : problem(
        "a time span hh:mm:ss of one second to a day, never unlimited: every claim and every wait is calculated from the longest time that an invocation can take",
        'write hours, minutes and seconds, such as "00:30:00"',
      );
}

/** Every app setting of the product. docs/configuration.md explains each; a test compares its table with this one. */
export const settings = {
  /** In UTC, with single spaces. The host reads both schedules itself, as %ROTATION_SCHEDULE%. */
  rotationSchedule: { name: "ROTATION_SCHEDULE", parse: parseCronExpression, required: true },
  resumeSchedule: { name: "RESUME_SCHEDULE", parse: parseCronExpression, default: "0 */5 * * * *" },
  /** The functions host reads it: with another time zone, the host would not read the schedules in UTC. */
  timeZone: {
    name: "WEBSITE_TIME_ZONE",
    parse: matching(
      /^(?:etc\/)?(?:utc|gmt)$/i,
      "UTC: every schedule is in UTC",
      'write "UTC", or remove the setting and write the schedules in UTC',
    ),
  },
  keyVaultUrl: { name: "KEY_VAULT_URL", parse: parseVaultUrl },
  gateways: { name: "GATEWAYS", parse: anyText },
  storageConnectionString: { name: "AzureWebJobsStorage", parse: parseStorageConnectionString, secret: true },
  storageAccountName: {
    name: "AzureWebJobsStorage__accountName",
    parse: matching(
      /^[a-z0-9]{3,24}$/,
      "3 to 24 lower-case letters and digits",
      "write only the account's name, as the portal shows it",
    ),
  },
  blobServiceUri: { name: "AzureWebJobsStorage__blobServiceUri", parse: parseOrigin },
  storageClientId: { name: "AzureWebJobsStorage__clientId", parse: parseClientId },
  resourceManager: {
    name: "RESOURCE_MANAGER_URL",
    parse: parseResourceManager,
    default: "https://management.azure.com",
  },
  telemetryConnectionString: {
    name: "APPLICATIONINSIGHTS_CONNECTION_STRING",
    parse: parseApplicationInsights,
    secret: true,
  },
  /** Unset: the service accepts telemetry by its instrumentation key. */
  telemetryAuthentication: {
    name: "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    parse: parseTelemetryAuthentication,
    secret: true,
  },
  azureClientId: { name: "AZURE_CLIENT_ID", parse: parseClientId },
  /** `@azure/identity` reads it itself. */
  azureTokenCredentials: { name: "AZURE_TOKEN_CREDENTIALS", parse: anyText },
  /** The app role that a caller of the HTTP routes must have. Unset: the function key is enough. */
  operatorRole: {
    name: "OPERATOR_ROLE",
    parse: matching(
      /^[^\s\p{C}]{1,120}$/u,
      "1 to 120 characters without spaces, such as Rotation.Operator",
      "write the Value of an app role, as the app registration shows it",
    ),
  },
  /** Only while the platform's authentication is on can the header with the caller's principal be trusted. */
  platformAuthentication: {
    name: "WEBSITE_AUTH_ENABLED",
    parse: (text: string): Parsed<boolean> =>
      /^(?:true|false)$/i.test(text)
        ? value(text.toLowerCase() === "true")
        : problem("True or False", 'write "True" or "False", or remove the setting'),
    default: "False",
  },
  /** How many gateways of one subscription are rotated at the same time. */
  rotationConcurrency: { name: "ROTATION_CONCURRENCY", parse: wholeNumber(1, 64), default: "16" },
  /** The tag `managed-by` of every version. */
  deploymentName: {
    name: "DEPLOYMENT_NAME",
    parse: matching(
      /^[A-Za-z0-9._-]{1,60}$/,
      "1 to 60 of the characters A-Z a-z 0-9 - _ .",
      'set DEPLOYMENT_NAME to such a name, for example "rotation-production"',
    ),
    defaultFrom: "WEBSITE_SITE_NAME",
    required: true,
  },
  functionTimeoutMs: {
    name: "AzureFunctionsJobHost__functionTimeout",
    parse: parseTimeSpan,
    inHostJson: "functionTimeout",
    default: "00:30:00",
  },
  callTimeoutMs: {
    name: "CALL_TIMEOUT_SECONDS",
    parse: wholeNumber(1, 120, 1000),
    default: "30",
  },
} satisfies Record<string, Setting<unknown>>;

type Table = typeof settings;

/** The value of each row; undefined: the setting is not set, and has no default. */
type Values = {
  readonly [Row in keyof Table]:
    | (ReturnType<Table[Row]["parse"]> extends Parsed<infer T> ? T : never)
    | (Table[Row] extends { readonly default: string } | { readonly required: true } ? never : undefined);
};

/** While there are problems, any value may be missing. */
type Known = { readonly [Row in keyof Values]: Values[Row] | undefined };

export type Storage =
  | { readonly connectionString: string }
  /** Requests carry a token of the user-assigned identity `clientId`; undefined: of the identity of all other calls. */
  | { readonly blobServiceUri: string; readonly clientId: string | undefined };

export type AppSettings = Values & { readonly storage: Storage };

/** Eight calls to read and to rotate, three for a last try to store, one to report, and three in reserve. */
const callsThatMustFit = 15;

/**
 * Reads every app setting, and returns all problems at once.
 *
 * @returns `settings`: undefined if there are problems; `document`: what the checks of the gateways need, also while
 * other settings are wrong
 */
export function readAppSettings(env: EnvironmentVariables, hostJson: HostJson) {
  const problems: ConfigurationProblem[] = [];

  function read(setting: Setting<unknown>): unknown {
    const { text, ...place } = find(setting, env, hostJson);
    if (text === undefined && setting.required !== true) return undefined;
    const isReference = unresolvedReference.test(text ?? "");
    const parsed = isReference ? unresolved : setting.parse(text ?? "");
    if (parsed.kind === "value") return parsed.value;
    const { rule, remedy } = parsed;
    const value = setting.secret === true && !isReference ? "(set, not shown)" : shown(text);
    problems.push({ ...place, value, rule, remedy });
    return undefined;
  }

  const rows = Object.entries(settings).map(([row, setting]) => [row, read(setting)]);
  // The table gives each value its type.
  const values = Object.fromEntries(rows) as Known;
  const isBroken = (name: string) => problems.some(({ path }) => path.startsWith(name));
  const { functionTimeoutMs = Number.POSITIVE_INFINITY, callTimeoutMs = 0 } = values;
  const document = {
    gatewaysJson: values.gateways,
    // The problem of a broken setting is reported once, not for each gateway that would need it.
    keyVaultUrl: isBroken(settings.keyVaultUrl.name) ? unknownVault : values.keyVaultUrl,
    rotationSchedule: values.rotationSchedule,
    sampleAllowed: values.resourceManager?.loopback ?? true,
  };
  const storage = storageOf(values);
  if (storage === undefined && !isBroken(settings.storageConnectionString.name)) problems.push(noStorage);
  if (functionTimeoutMs < callsThatMustFit * callTimeoutMs)
    problems.push(tooLittleTime(functionTimeoutMs / 1000, callTimeoutMs / 1000));
  return problems.length > 0 || storage === undefined
    ? { problems, settings: undefined, document }
    : { problems, settings: { ...(values as Values), storage }, document };
}

const source = "app settings";

/** The first of the three settings that is set, in the host's order. */
function storageOf(values: Known): Storage | undefined {
  const { storageConnectionString: connectionString, storageAccountName: account } = values;
  if (connectionString !== undefined) return { connectionString };
  const blobServiceUri =
    values.blobServiceUri?.origin ?? (account && `https://${account}.blob.core.windows.net`);
  return blobServiceUri ? { blobServiceUri, clientId: values.storageClientId } : undefined;
}

const noStorage: ConfigurationProblem = {
  source,
  path: settings.storageConnectionString.name,
  value: shown(undefined),
  rule: "the function's storage account is named: no key is regenerated without a journal",
  remedy: `set ${settings.storageAccountName.name} to its name, and give the function's identity Storage Blob Data Owner on it`,
};

function tooLittleTime(invocationSeconds: number, callSeconds: number): ConfigurationProblem {
  const enough = new Date(callsThatMustFit * callSeconds * 1000).toISOString().slice(11, 19);
  return {
    source,
    path: settings.callTimeoutMs.name,
    value: `${callSeconds} s, in an invocation of ${invocationSeconds} s`,
    rule: `an invocation has time for ${callsThatMustFit} calls in sequence, so that a regenerated key can be stored`,
    remedy: `set AzureFunctionsJobHost__functionTimeout to "${enough}" or more, or lower CALL_TIMEOUT_SECONDS`,
  };
}

/** The text that the app gets when the platform could not read the secret that a setting refers to. */
const unresolvedReference = /^@Microsoft\.(?:KeyVault|AppConfiguration)\(/i;

const unresolved = problem(
  "the platform replaces a reference by the value that it names before the app starts",
  "give the app's identity a role that may read the value, such as Key Vault Secrets User, and restart the app; the portal shows why the platform could not read it",
);

/** The text that counts for a setting, and where it is. */
function find(
  { name, defaultFrom, inHostJson, default: otherwise }: Setting<unknown>,
  env: EnvironmentVariables,
  hostJson: HostJson,
) {
  const own = textOf(env, name) ?? (defaultFrom && siteAndSlot(env, defaultFrom));
  if (own === undefined && inHostJson !== undefined && hostJson[inHostJson] !== undefined) {
    return { text: hostJson[inHostJson], source: "host.json", path: inHostJson };
  }
  return { text: own ?? otherwise, source, path: name };
}

/** Slots share the site's name and by default its settings, so the name of the slot is appended. */
function siteAndSlot(env: EnvironmentVariables, siteName: string): string | undefined {
  const [site, slot = "Production"] = [textOf(env, siteName), textOf(env, "WEBSITE_SLOT_NAME")];
  return site === undefined || slot.toLowerCase() === "production" ? site : `${site}-${slot}`;
}

/** An empty setting counts as unset: the portal and deployment templates cannot leave a setting out in another way. */
function textOf(env: EnvironmentVariables, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}
