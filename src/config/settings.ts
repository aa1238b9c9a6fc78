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
import { parseRotationSchedule, parseSchedule } from "./schedule.ts";

/** The part of host.json that this application reads, as text: to the host, `-1` and `"-1"` mean the same. */
export interface HostJson {
  readonly functionTimeout?: string;
}

export interface Setting<T> {
  readonly name: string;
  readonly description: string;
  /** Reads the setting's text; of a required setting that is missing, the empty text. */
  readonly parse: (text: string) => Parsed<T>;
  readonly default?: string;
  /** The setting that holds the site's name: its default, with `-<slot>` in a deployment slot other than Production. */
  readonly defaultFrom?: string;
  /** The property of host.json that is read while the setting is not set. */
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

/** Every app setting of the product. */
export const settings = {
  rotationSchedule: {
    name: "ROTATION_SCHEDULE",
    description:
      "When the gateways are rotated, in UTC: at most once an hour, or once a minute if every gateway has `rotateEveryDays`. It has no default, since every tick may replace keys.",
    parse: parseRotationSchedule,
    required: true,
  },
  resumeSchedule: {
    name: "RESUME_SCHEDULE",
    description: "When unfinished rotations are resumed, in UTC.",
    parse: parseSchedule,
    default: "0 */5 * * * *",
  },
  timeZone: {
    name: "WEBSITE_TIME_ZONE",
    description:
      "The platform's own: with a time zone, the host would not read the schedules in UTC. Leave it out.",
    parse: matching(
      /^(?:etc\/)?(?:utc|gmt)$/i,
      "UTC: every schedule is in UTC",
      'write "UTC", or remove the setting and write the schedules in UTC',
    ),
  },
  keyVaultUrl: {
    name: "KEY_VAULT_URL",
    description: "The vault of every gateway for which gateways.json names none.",
    parse: parseVaultUrl,
  },
  gateways: {
    name: "GATEWAYS",
    description: "The gateways to rotate, as JSON. Takes the place of gateways.json when it is set.",
    parse: anyText,
  },
  storageConnectionString: {
    name: "AzureWebJobsStorage",
    description:
      "The function's own storage account, which holds the journals: a connection string, or one of the two below.",
    parse: parseStorageConnectionString,
    secret: true,
  },
  storageAccountName: {
    name: "AzureWebJobsStorage__accountName",
    description: "The storage account's name, for access by identity.",
    parse: matching(
      /^[a-z0-9]{3,24}$/,
      "3 to 24 lower-case letters and digits",
      "write only the account's name, as the portal shows it",
    ),
  },
  blobServiceUri: {
    name: "AzureWebJobsStorage__blobServiceUri",
    description:
      "The storage account's Blob endpoint, for access by identity; needed in other clouds than the public one.",
    parse: parseOrigin,
  },
  storageClientId: {
    name: "AzureWebJobsStorage__clientId",
    description:
      "Client id of the user-assigned managed identity for the storage account; without it the identity of all other calls is used.",
    parse: parseClientId,
  },
  resourceManager: {
    name: "RESOURCE_MANAGER_URL",
    description: "Azure Resource Manager of the cloud that the gateways are in.",
    parse: parseResourceManager,
    default: "https://management.azure.com",
  },
  connectionString: {
    name: "APPLICATIONINSIGHTS_CONNECTION_STRING",
    description: "The Application Insights resource that gets the telemetry; without it only the log has it.",
    parse: parseApplicationInsights,
    secret: true,
  },
  telemetryAuthentication: {
    name: "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    description:
      "The platform's own setting: Authorization=AAD where local authentication is off, with ClientId=… for a user-assigned identity.",
    parse: parseTelemetryAuthentication,
    secret: true,
  },
  azureClientId: {
    name: "AZURE_CLIENT_ID",
    description:
      "Client id of the user-assigned managed identity; without it the system-assigned one is used.",
    parse: parseClientId,
  },
  azureTokenCredentials: {
    name: "AZURE_TOKEN_CREDENTIALS",
    description:
      "Which credentials @azure/identity tries, such as ManagedIdentityCredential. It reads this itself.",
    parse: anyText,
  },
  operatorRole: {
    name: "OPERATOR_ROLE",
    description:
      "The app role that callers of the HTTP routes need, beside a function key; only with the platform's authentication.",
    parse: matching(
      /^[^\s\p{C}]{1,120}$/u,
      "1 to 120 characters without spaces, such as Rotation.Operator",
      "write the Value of an app role, as the app registration shows it",
    ),
  },
  platformAuthentication: {
    name: "WEBSITE_AUTH_ENABLED",
    description:
      "The platform's own: whether its authentication is on, so that the principal header can be trusted.",
    parse: matching(/^(?:true|false)$/i, "True or False", 'write "True" or "False", or remove the setting'),
    default: "False",
  },
  rotationConcurrency: {
    name: "ROTATION_CONCURRENCY",
    description:
      "How many gateways of one subscription are rotated at the same time; of all subscriptions, eight times as many.",
    parse: wholeNumber(1, 64),
    default: "16",
  },
  deploymentName: {
    name: "DEPLOYMENT_NAME",
    description:
      "The name of this deployment on every secret version, so that two deployments on one secret are noticed. In a deployment slot other than Production, the default ends in `-<slot>`; if you set it, make it a slot setting.",
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
    description:
      "The longest that an invocation can take. The host's own setting: without it, functionTimeout in host.json holds.",
    parse: parseTimeSpan,
    inHostJson: "functionTimeout",
    default: "00:30:00",
  },
  callTimeoutSeconds: {
    name: "CALL_TIMEOUT_SECONDS",
    description: "How long one call to Azure may take.",
    parse: wholeNumber(1, 120),
    default: "30",
  },
} satisfies Record<string, Setting<unknown>>;
