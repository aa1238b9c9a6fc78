import { type Parsed, problem, value } from "./configurationProblem.ts";
import {
  parseApplicationInsights,
  parseClientId,
  parseOrigin,
  parseResourceManager,
  parseStorageConnectionString,
  parseTelemetryAuthentication,
  parseVaultUrl,
} from "./endpoints.ts";
import { parseCronExpression } from "./schedule.ts";

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

const wholeNumber = (minimum: number, maximum: number) => (text: string) => {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return number >= minimum && number <= maximum
    ? value(number)
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
  rotationSchedule: {
    name: "ROTATION_SCHEDULE",
    parse: parseCronExpression,
    required: true,
  },
  resumeSchedule: {
    name: "RESUME_SCHEDULE",
    parse: parseCronExpression,
    default: "0 */5 * * * *",
  },
  /** The functions host reads it: with another time zone, the host would not read the schedules in UTC. */
  timeZone: {
    name: "WEBSITE_TIME_ZONE",
    parse: matching(
      /^(?:etc\/)?(?:utc|gmt)$/i,
      "UTC: every schedule is in UTC",
      'write "UTC", or remove the setting and write the schedules in UTC',
    ),
  },
  keyVaultUrl: {
    name: "KEY_VAULT_URL",
    parse: parseVaultUrl,
  },
  gateways: {
    name: "GATEWAYS",
    parse: anyText,
  },
  storageConnectionString: {
    name: "AzureWebJobsStorage",
    parse: parseStorageConnectionString,
    secret: true,
  },
  storageAccountName: {
    name: "AzureWebJobsStorage__accountName",
    parse: matching(
      /^[a-z0-9]{3,24}$/,
      "3 to 24 lower-case letters and digits",
      "write only the account's name, as the portal shows it",
    ),
  },
  blobServiceUri: {
    name: "AzureWebJobsStorage__blobServiceUri",
    parse: parseOrigin,
  },
  storageClientId: {
    name: "AzureWebJobsStorage__clientId",
    parse: parseClientId,
  },
  resourceManager: {
    name: "RESOURCE_MANAGER_URL",
    parse: parseResourceManager,
    default: "https://management.azure.com",
  },
  connectionString: {
    name: "APPLICATIONINSIGHTS_CONNECTION_STRING",
    parse: parseApplicationInsights,
    secret: true,
  },
  telemetryAuthentication: {
    name: "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    parse: parseTelemetryAuthentication,
    secret: true,
  },
  azureClientId: {
    name: "AZURE_CLIENT_ID",
    parse: parseClientId,
  },
  /** `@azure/identity` reads it itself. */
  azureTokenCredentials: {
    name: "AZURE_TOKEN_CREDENTIALS",
    parse: anyText,
  },
  operatorRole: {
    name: "OPERATOR_ROLE",
    parse: matching(
      /^[^\s\p{C}]{1,120}$/u,
      "1 to 120 characters without spaces, such as Rotation.Operator",
      "write the Value of an app role, as the app registration shows it",
    ),
  },
  platformAuthentication: {
    name: "WEBSITE_AUTH_ENABLED",
    parse: matching(/^(?:true|false)$/i, "True or False", 'write "True" or "False", or remove the setting'),
    default: "False",
  },
  rotationConcurrency: {
    name: "ROTATION_CONCURRENCY",
    parse: wholeNumber(1, 64),
    default: "16",
  },
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
  functionTimeout: {
    name: "AzureFunctionsJobHost__functionTimeout",
    parse: parseTimeSpan,
    inHostJson: "functionTimeout",
    default: "00:30:00",
  },
  callTimeoutSeconds: {
    name: "CALL_TIMEOUT_SECONDS",
    parse: wholeNumber(1, 120),
    default: "30",
  },
} satisfies Record<string, Setting<unknown>>;
