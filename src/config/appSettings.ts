import { type ConfigurationProblem, type Parsed, shown } from "./problem.ts";
import type { TelemetryAuthentication } from "./settingRules.ts";
import { type Setting, settings } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface AppSettings {
  /** NCRONTAB, six fields, in UTC. The host reads the setting itself, as `%ROTATION_SCHEDULE%`. */
  readonly rotationSchedule: string;
  /** Stands in the tag `managed-by` of every version. */
  readonly deploymentName: string;
  readonly resourceManager: { readonly url: string; readonly scope: string };
  readonly keyVaultUrl?: string | undefined;
  readonly gatewaysJson?: string | undefined;
  readonly applicationInsights?:
    | { readonly connectionString: string; readonly authentication: TelemetryAuthentication }
    | undefined;
  readonly azureClientId?: string | undefined;
  /** How many gateways are rotated at the same time. */
  readonly rotationConcurrency: number;
  /** The longest that an invocation can take, and so the longest that a runner can stall. */
  readonly functionTimeoutMs: number;
  /** A call's time limit. */
  readonly callTimeoutMs: number;
}

export type AppSettingsResult =
  | { readonly kind: "valid"; readonly settings: AppSettings }
  | { readonly kind: "invalid"; readonly problems: readonly ConfigurationProblem[] };

type Reading<T> = { readonly kind: "unset" } | { readonly kind: "value"; readonly value: T } | Problem;

interface Problem {
  readonly kind: "problem";
  readonly problem: ConfigurationProblem;
}

const source = "app settings";

function read<T>(env: Environment, setting: Setting<T>): Reading<T> {
  const { name } = setting;
  const given = textOf(env, name) ?? textOf(env, setting.defaultFrom) ?? setting.default;
  if (given === undefined) {
    if (setting.required !== true) return { kind: "unset" };
    const mend = `set it, for example to "${setting.example ?? setting.rule}"`;
    return {
      kind: "problem",
      problem: { source, path: name, value: shown(undefined), rule: setting.rule, mend },
    };
  }
  const parsed: Parsed<T> = setting.parse(given);
  if (parsed.kind === "value") return parsed;
  const value = setting.secret === true ? "(set, not shown)" : shown(given);
  return { kind: "problem", problem: { source, path: name, value, rule: parsed.rule, mend: parsed.mend } };
}

/** An empty setting counts as unset: that is how the portal and deployment templates leave one out. */
function textOf(env: Environment, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : env[name]?.trim();
  return value === "" ? undefined : value;
}

/** Read, regenerate, store, read back, store again; and one call's time to report and to end. */
const callsThatMustFit = 6;

/** Reads every app setting, and gives all problems at once. */
export function readAppSettings(env: Environment): AppSettingsResult {
  const problems: ConfigurationProblem[] = [];
  const take = <T>(setting: Setting<T>): T | undefined => {
    const reading = read(env, setting);
    if (reading.kind === "problem") problems.push(reading.problem);
    return reading.kind === "value" ? reading.value : undefined;
  };
  const rotationSchedule = take(settings.rotationSchedule);
  const keyVaultUrl = take(settings.keyVaultUrl);
  const gatewaysJson = take(settings.gateways);
  const resourceManager = take(settings.resourceManager);
  const connection = take(settings.connectionString);
  const authentication = take(settings.telemetryAuthentication);
  const azureClientId = take(settings.azureClientId);
  const rotationConcurrency = take(settings.rotationConcurrency);
  const deploymentName = take(settings.deploymentName);
  const functionTimeoutMs = take(settings.functionTimeout);
  const callTimeoutSeconds = take(settings.callTimeoutSeconds);
  const callTimeoutMs = callTimeoutSeconds === undefined ? undefined : callTimeoutSeconds * 1000;
  if (
    functionTimeoutMs !== undefined &&
    callTimeoutMs !== undefined &&
    functionTimeoutMs < callsThatMustFit * callTimeoutMs
  ) {
    problems.push({
      source,
      path: settings.callTimeoutSeconds.name,
      value: `${callTimeoutSeconds} s, in an invocation of ${functionTimeoutMs / 1000} s`,
      rule: `an invocation has time for ${callsThatMustFit} calls one after the other, so that a regenerated key can be stored`,
      mend: "lower CALL_TIMEOUT_SECONDS, or raise AzureFunctionsJobHost__functionTimeout",
    });
  }
  if (
    problems.length > 0 ||
    rotationSchedule === undefined ||
    resourceManager === undefined ||
    rotationConcurrency === undefined ||
    deploymentName === undefined ||
    functionTimeoutMs === undefined ||
    callTimeoutMs === undefined
  ) {
    return { kind: "invalid", problems };
  }
  return {
    kind: "valid",
    settings: {
      rotationSchedule,
      deploymentName,
      resourceManager: { url: resourceManager.url, scope: resourceManager.scope },
      keyVaultUrl,
      gatewaysJson,
      applicationInsights:
        connection === undefined
          ? undefined
          : { connectionString: connection, authentication: authentication ?? "instrumentation-key" },
      azureClientId,
      rotationConcurrency,
      functionTimeoutMs,
      callTimeoutMs,
    },
  };
}

/** What the gateways' document depends on, known even while other settings are wrong. */
export interface DocumentSettings {
  readonly gatewaysJson: string | undefined;
  readonly keyVaultUrl:
    | { readonly kind: "unset" | "broken" }
    | { readonly kind: "value"; readonly value: string };
  /** The sample configuration is for a Resource Manager on this machine alone. */
  readonly sampleAllowed: boolean;
}

export function readDocumentSettings(env: Environment): DocumentSettings {
  const keyVaultUrl = read(env, settings.keyVaultUrl);
  const resourceManager = read(env, settings.resourceManager);
  return {
    gatewaysJson: textOf(env, settings.gateways.name),
    keyVaultUrl: keyVaultUrl.kind === "problem" ? { kind: "broken" } : keyVaultUrl,
    sampleAllowed: resourceManager.kind !== "value" || resourceManager.value.loopback,
  };
}
