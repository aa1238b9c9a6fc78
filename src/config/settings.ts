import {
  applicationInsightsConnectionString,
  parseOrigin,
  parseVaultUrl,
  resourceManagerEndpoint,
  storageConnectionString,
  telemetryAuthentication,
} from "./endpoints.ts";
import type { HostJson } from "./files.ts";
import { parseRotationSchedule, parseSchedule, scheduleRule } from "./schedule.ts";
import { anyText, duration, guid, type SettingRule, text, trueOrFalse, wholeNumber } from "./settingRules.ts";

export interface Setting<T> extends SettingRule<T> {
  readonly name: string;
  readonly description: string;
  /** A value for the remedy of a required setting that is missing. */
  readonly example?: string;
  readonly default?: string;
  /** The setting that holds the site's name: its default, with `-<slot>` in a deployment slot other than Production. */
  readonly defaultFrom?: string;
  /** The property of host.json that is read while the setting is not set. */
  readonly inHostJson?: Exclude<keyof HostJson, "problem">;
  readonly required?: boolean;
  /** Whether its value is left out of every problem. */
  readonly secret?: boolean;
}

/** Every app setting of the product. */
export const settings = {
  rotationSchedule: {
    name: "ROTATION_SCHEDULE",
    description:
      "When the gateways are rotated, in UTC: at most once an hour, or once a minute if every gateway has `rotateEveryDays`. It has no default, since every tick may replace keys.",
    rule: scheduleRule,
    parse: parseRotationSchedule,
    required: true,
    example: "0 0 3 * * *",
  },
  resumeSchedule: {
    name: "RESUME_SCHEDULE",
    description: "When unfinished rotations are resumed, in UTC.",
    rule: scheduleRule,
    parse: parseSchedule,
    default: "0 */5 * * * *",
  },
  timeZone: {
    name: "WEBSITE_TIME_ZONE",
    description:
      "The platform's own: with a time zone, the host would not read the schedules in UTC. Leave it out.",
    ...text(
      "UTC: every schedule is in UTC",
      /^(?:etc\/)?(?:utc|gmt)$/i,
      'write "UTC", or remove the setting and write the schedules in UTC',
    ),
  },
  keyVaultUrl: {
    name: "KEY_VAULT_URL",
    description: "The vault of every gateway for which gateways.json names none.",
    rule: "a Key Vault's URL, such as https://contoso-keys.vault.azure.net",
    parse: parseVaultUrl,
  },
  gateways: {
    name: "GATEWAYS",
    description: "The gateways to rotate, as JSON. Takes the place of gateways.json when it is set.",
    ...anyText,
    rule: "the same JSON as gateways.json",
  },
  storageConnectionString: {
    name: "AzureWebJobsStorage",
    description:
      "The function's own storage account, which holds the journals: a connection string, or one of the two below.",
    ...storageConnectionString,
    secret: true,
  },
  storageAccountName: {
    name: "AzureWebJobsStorage__accountName",
    description: "The storage account's name, for access by identity.",
    ...text(
      "3 to 24 lower-case letters and digits",
      /^[a-z0-9]{3,24}$/,
      "write only the account's name, as the portal shows it",
    ),
  },
  blobServiceUri: {
    name: "AzureWebJobsStorage__blobServiceUri",
    description:
      "The storage account's Blob endpoint, for access by identity; needed in other clouds than the public one.",
    rule: "an https origin, such as https://contosokeys.blob.core.windows.net",
    parse: parseOrigin,
  },
  storageClientId: {
    name: "AzureWebJobsStorage__clientId",
    description:
      "Client id of the user-assigned managed identity for the storage account; without it the identity of all other calls is used.",
    ...guid,
  },
  resourceManager: {
    name: "RESOURCE_MANAGER_URL",
    description: "Azure Resource Manager of the cloud that the gateways are in.",
    ...resourceManagerEndpoint,
    default: "https://management.azure.com",
  },
  connectionString: {
    name: "APPLICATIONINSIGHTS_CONNECTION_STRING",
    description: "The Application Insights resource that gets the telemetry; without it only the log has it.",
    ...applicationInsightsConnectionString,
    secret: true,
  },
  telemetryAuthentication: {
    name: "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    description:
      "The platform's own setting: Authorization=AAD where local authentication is off, with ClientId=… for a user-assigned identity.",
    ...telemetryAuthentication,
    secret: true,
  },
  azureClientId: {
    name: "AZURE_CLIENT_ID",
    description:
      "Client id of the user-assigned managed identity; without it the system-assigned one is used.",
    ...guid,
  },
  azureTokenCredentials: {
    name: "AZURE_TOKEN_CREDENTIALS",
    description:
      "Which credentials @azure/identity tries, such as ManagedIdentityCredential. It reads this itself.",
    ...anyText,
  },
  operatorRole: {
    name: "OPERATOR_ROLE",
    description:
      "The app role that callers of the HTTP routes need, beside a function key; only with the platform's authentication.",
    ...text(
      "1 to 120 characters without spaces, such as Rotation.Operator",
      /^[^\s\p{C}]{1,120}$/u,
      "write the Value of an app role, as the app registration shows it",
    ),
  },
  platformAuthentication: {
    name: "WEBSITE_AUTH_ENABLED",
    description:
      "The platform's own: whether its authentication is on, so that the principal header can be trusted.",
    ...trueOrFalse,
    default: "False",
  },
  rotationConcurrency: {
    name: "ROTATION_CONCURRENCY",
    description:
      "How many gateways of one subscription are rotated at the same time; of all subscriptions, eight times as many.",
    ...wholeNumber(1, 64),
    default: "16",
  },
  deploymentName: {
    name: "DEPLOYMENT_NAME",
    description:
      "The name of this deployment on every secret version, so that two deployments on one secret are noticed. In a deployment slot other than Production, the default ends in `-<slot>`; if you set it, make it a slot setting.",
    ...text(
      "1 to 60 of the characters A-Z a-z 0-9 - _ .",
      /^[A-Za-z0-9._-]{1,60}$/,
      "set DEPLOYMENT_NAME to a shorter name, with hyphens in the place of other characters",
    ),
    defaultFrom: "WEBSITE_SITE_NAME",
    required: true,
    example: "rotation-production",
  },
  functionTimeout: {
    name: "AzureFunctionsJobHost__functionTimeout",
    description:
      "The longest that an invocation can take. The host's own setting: without it, functionTimeout in host.json holds.",
    ...duration,
    inHostJson: "functionTimeout",
    default: "00:30:00",
  },
  callTimeoutSeconds: {
    name: "CALL_TIMEOUT_SECONDS",
    description: "How long one call to Azure may take.",
    ...wholeNumber(1, 120),
    default: "30",
  },
} satisfies Record<string, Setting<unknown>>;
