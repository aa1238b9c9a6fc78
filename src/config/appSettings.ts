import { type ConfigurationProblem, problem, shown } from "./configurationProblem.ts";
import type { TelemetryAuthentication } from "./endpoints.ts";
import { type HostJson, type Setting, settings } from "./settings.ts";

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

export type Storage =
  | { readonly connectionString: string }
  /** Requests carry a token of the user-assigned identity `clientId`; undefined: of the identity of all other calls. */
  | { readonly blobServiceUri: string; readonly clientId: string | undefined };

export interface AppSettings {
  /** The name in the tag `managed-by` of every version. */
  readonly deploymentName: string;
  readonly storage: Storage;
  /** When the host ticks, in UTC: NCRONTAB with single spaces. */
  readonly rotationSchedule: string;
  readonly resourceManager: { readonly url: string; readonly scope: string };
  readonly applicationInsights?:
    | { readonly connectionString: string; readonly authentication: TelemetryAuthentication }
    | undefined;
  readonly azureClientId?: string | undefined;
  /** Who may call the HTTP routes. */
  readonly access: {
    /** Whether the platform's authentication is on. Only then can the header with the caller's principal be trusted. */
    readonly platformAuthentication: boolean;
    /** The app role that a caller must have; undefined: the function key is enough. */
    readonly operatorRole?: string | undefined;
  };
  /** How many gateways of one subscription are rotated at the same time. */
  readonly rotationConcurrency: number;
  readonly functionTimeoutMs: number;
  readonly callTimeoutMs: number;
}

/** The outcome of reading one setting; the reason of `broken` is among the problems. */
export type Reading<T> =
  | { readonly kind: "unset" | "broken" }
  | { readonly kind: "value"; readonly value: T };

/** The settings that the checks of the gateways need. They are known even while other settings are wrong. */
export interface DocumentSettings {
  readonly gatewaysJson: string | undefined;
  readonly keyVaultUrl: Reading<string>;
  /** Undefined: missing or broken. */
  readonly rotationSchedule: string | undefined;
  /** Whether Resource Manager is on this machine: only there is the sample configuration accepted. */
  readonly sampleAllowed: boolean;
}

/** Eight calls to read and to rotate, three for a last try to store, one to report, and three in reserve. */
const callsThatMustFit = 15;

/**
 * Reads every app setting, and returns all problems at once.
 *
 * @returns `settings`: undefined if there are problems
 */
export function readAppSettings(env: EnvironmentVariables, hostJson: HostJson) {
  const { problems, read, take } = createReader(env, hostJson);
  // The host reads both schedules itself, as %ROTATION_SCHEDULE%.
  const rotationSchedule = take(settings.rotationSchedule);
  take(settings.resumeSchedule);
  take(settings.timeZone);
  const keyVaultUrl = read(settings.keyVaultUrl);
  const gatewaysJson = take(settings.gateways);
  const resourceManager = take(settings.resourceManager);
  const storage = takeStorage(take, problems);
  const connectionString = take(settings.connectionString);
  const authentication = take(settings.telemetryAuthentication) ?? { kind: "instrumentation-key" };
  const azureClientId = take(settings.azureClientId);
  take(settings.azureTokenCredentials);
  const operatorRole = take(settings.operatorRole);
  const platformAuthentication = take(settings.platformAuthentication)?.toLowerCase() === "true";
  const rotationConcurrency = take(settings.rotationConcurrency);
  const deploymentName = take(settings.deploymentName);
  const functionTimeoutMs = take(settings.functionTimeout);
  const callTimeoutSeconds = take(settings.callTimeoutSeconds);
  if (
    functionTimeoutMs !== undefined &&
    callTimeoutSeconds !== undefined &&
    functionTimeoutMs < callsThatMustFit * callTimeoutSeconds * 1000
  ) {
    problems.push(tooLittleTime(functionTimeoutMs / 1000, callTimeoutSeconds));
  }
  const sampleAllowed = resourceManager?.loopback ?? true;
  const document: DocumentSettings = { gatewaysJson, keyVaultUrl, rotationSchedule, sampleAllowed };
  if (
    problems.length > 0 ||
    rotationSchedule === undefined ||
    resourceManager === undefined ||
    storage === undefined ||
    rotationConcurrency === undefined ||
    deploymentName === undefined ||
    functionTimeoutMs === undefined ||
    callTimeoutSeconds === undefined
  ) {
    return { problems, settings: undefined, document };
  }
  const valid: AppSettings = {
    deploymentName,
    rotationSchedule,
    resourceManager: { url: resourceManager.url, scope: resourceManager.scope },
    storage,
    applicationInsights: connectionString === undefined ? undefined : { connectionString, authentication },
    azureClientId,
    access: { platformAuthentication, operatorRole },
    rotationConcurrency,
    functionTimeoutMs,
    callTimeoutMs: callTimeoutSeconds * 1000,
  };
  return { problems, settings: valid, document };
}

const source = "app settings";

/** Reads the first of the three settings that is set, in the host's order. */
function takeStorage(take: Take, problems: ConfigurationProblem[]): Storage | undefined {
  const before = problems.length;
  const connectionString = take(settings.storageConnectionString);
  const blobServiceUri = take(settings.blobServiceUri);
  const accountName = take(settings.storageAccountName);
  const clientId = take(settings.storageClientId);
  if (connectionString !== undefined) return { connectionString };
  if (blobServiceUri !== undefined) return { blobServiceUri: blobServiceUri.origin, clientId };
  if (accountName !== undefined)
    return { blobServiceUri: `https://${accountName}.blob.core.windows.net`, clientId };
  if (problems.length === before) {
    problems.push({
      source,
      path: settings.storageConnectionString.name,
      value: shown(undefined),
      rule: "the function's storage account is named: no key is regenerated without a journal",
      remedy: `set ${settings.storageAccountName.name} to its name, and give the function's identity Storage Blob Data Owner on it`,
    });
  }
  return undefined;
}

function tooLittleTime(invocationSeconds: number, callSeconds: number): ConfigurationProblem {
  const enough = new Date(callsThatMustFit * callSeconds * 1000).toISOString().slice(11, 19);
  return {
    source,
    path: settings.callTimeoutSeconds.name,
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

type Take = <T>(setting: Setting<T>) => T | undefined;

function createReader(env: EnvironmentVariables, hostJson: HostJson) {
  const problems: ConfigurationProblem[] = [];

  function find({ name, defaultFrom, inHostJson, default: otherwise }: Setting<unknown>) {
    const own = textOf(env, name) ?? (defaultFrom && siteAndSlot(env, defaultFrom));
    if (own === undefined && inHostJson !== undefined && hostJson[inHostJson] !== undefined) {
      return { text: hostJson[inHostJson], source: "host.json", path: inHostJson };
    }
    return { text: own ?? otherwise, source, path: name };
  }

  function read<T>(setting: Setting<T>): Reading<T> {
    const { text, ...place } = find(setting);
    if (text === undefined && setting.required !== true) return { kind: "unset" };
    const isReference = unresolvedReference.test(text ?? "");
    const parsed = isReference ? unresolved : setting.parse(text ?? "");
    if (parsed.kind === "value") return parsed;
    const { rule, remedy } = parsed;
    const value = setting.secret === true && !isReference ? "(set, not shown)" : shown(text);
    problems.push({ ...place, value, rule, remedy });
    return { kind: "broken" };
  }

  function take<T>(setting: Setting<T>): T | undefined {
    const reading = read(setting);
    return reading.kind === "value" ? reading.value : undefined;
  }

  return { problems, read, take };
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
