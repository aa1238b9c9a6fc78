import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type HostJson, readAppSettings, settings } from "../../src/config/appSettings.ts";

const minimal = {
  AzureWebJobsStorage: "UseDevelopmentStorage=true",
  ROTATION_SCHEDULE: "0 0 3 * * *",
  DEPLOYMENT_NAME: "rotation-test",
};
const connectionString =
  "InstrumentationKey=066b1a89-e84f-47a4-a784-a753b2e06623;IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/";
const telemetryClientId = "1b89c1a8-3a5c-4c55-9d22-0c1d4f5e6a77";

function settingsOf(env: Record<string, string>, hostJson: HostJson = {}) {
  const { settings, problems } = readAppSettings({ ...minimal, ...env }, hostJson);
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return settings;
}

function problemsOf(env: Record<string, string>, hostJson: HostJson = {}) {
  return readAppSettings({ ...minimal, ...env }, hostJson).problems;
}

describe("settings that are right", () => {
  test("only the required settings → the defaults of all others", () => {
    expect(settingsOf({})).toEqual({
      deploymentName: "rotation-test",
      rotationSchedule: "0 0 3 * * *",
      resumeSchedule: "0 */5 * * * *",
      storageConnectionString: "UseDevelopmentStorage=true",
      storage: { connectionString: "UseDevelopmentStorage=true" },
      resourceManager: {
        url: "https://management.azure.com",
        loopback: false,
        scope: "https://management.azure.com/.default",
      },
      platformAuthentication: false,
      rotationConcurrency: 16,
      functionTimeoutMs: 30 * 60_000,
      callTimeoutMs: 30_000,
    });
  });

  test("all settings → all values, normalised", () => {
    expect(
      settingsOf({
        KEY_VAULT_URL: "https://Contoso.vault.azure.net/",
        GATEWAYS: "{}",
        RESOURCE_MANAGER_URL: "https://management.usgovcloudapi.net/",
        APPLICATIONINSIGHTS_CONNECTION_STRING: `${connectionString};`,
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${telemetryClientId};authorization=aad`,
        AZURE_CLIENT_ID: "066B1A89-e84f-47a4-a784-a753b2e06623",
        AZURE_TOKEN_CREDENTIALS: "prod",
        OPERATOR_ROLE: "Rotation.Operator",
        WEBSITE_AUTH_ENABLED: "True",
        ROTATION_CONCURRENCY: "64",
        AzureFunctionsJobHost__functionTimeout: "01:02:03",
        CALL_TIMEOUT_SECONDS: "120",
      }),
    ).toEqual({
      deploymentName: "rotation-test",
      rotationSchedule: "0 0 3 * * *",
      resumeSchedule: "0 */5 * * * *",
      keyVaultUrl: "https://contoso.vault.azure.net",
      gateways: "{}",
      storageConnectionString: "UseDevelopmentStorage=true",
      storage: { connectionString: "UseDevelopmentStorage=true" },
      resourceManager: {
        url: "https://management.usgovcloudapi.net",
        loopback: false,
        scope: "https://management.usgovcloudapi.net/.default",
      },
      telemetryConnectionString: connectionString,
      telemetryAuthentication: { clientId: telemetryClientId },
      azureClientId: "066B1A89-e84f-47a4-a784-a753b2e06623",
      azureTokenCredentials: "prod",
      platformAuthentication: true,
      operatorRole: "Rotation.Operator",
      rotationConcurrency: 64,
      functionTimeoutMs: 3_723_000,
      callTimeoutMs: 120_000,
    });
  });

  test("Resource Manager on this machine → the token scope of the public cloud", () => {
    expect(settingsOf({ RESOURCE_MANAGER_URL: "https://127.0.0.1:20442" }).resourceManager).toEqual({
      url: "https://127.0.0.1:20442",
      loopback: true,
      scope: "https://management.azure.com/.default",
    });
  });

  test.each([
    ["", undefined],
    ["Authorization=AAD", { clientId: undefined }],
    [`Authorization=AAD;ClientId=${telemetryClientId}`, { clientId: telemetryClientId }],
    [` clientid = ${telemetryClientId} ; AUTHORIZATION = aad ;`, { clientId: telemetryClientId }],
  ])("the telemetry's identity in %j → %j", (text, authentication) => {
    const settings = settingsOf({
      APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: text,
    });
    expect(settings.telemetryAuthentication).toEqual(authentication);
    expect(settings.telemetryConnectionString).toBe(connectionString);
  });

  test.each([
    ["", undefined, "contoso-rotation"],
    ["", "Production", "contoso-rotation"],
    ["", "production", "contoso-rotation"],
    ["", "staging", "contoso-rotation-staging"],
    ["rotation-test", "staging", "rotation-test"],
  ])("DEPLOYMENT_NAME is %j in slot %s of a site → %s", (own, slot = "", name) => {
    const site = { WEBSITE_SITE_NAME: "contoso-rotation", WEBSITE_SLOT_NAME: slot };
    expect(settingsOf({ DEPLOYMENT_NAME: own, ...site }).deploymentName).toBe(name);
  });

  test("a slot without a site's name → DEPLOYMENT_NAME is still required", () => {
    expect(problemsOf({ DEPLOYMENT_NAME: "", WEBSITE_SLOT_NAME: "staging" })).toMatchObject([
      { path: "DEPLOYMENT_NAME", value: "(not set)" },
    ]);
  });

  test("every optional setting empty or blank → the same as unset", () => {
    const optional = Object.values(settings).filter(({ name }) => !(name in minimal));
    for (const blank of ["", "  "]) {
      expect(settingsOf(Object.fromEntries(optional.map(({ name }) => [name, blank])))).toEqual(
        settingsOf({}),
      );
    }
  });
});

describe("where the journals are", () => {
  const storageOf = (env: Record<string, string>) => settingsOf({ AzureWebJobsStorage: "", ...env }).storage;

  test.each<[Record<string, string>, object]>([
    [
      { AzureWebJobsStorage: "UseDevelopmentStorage=true" },
      { connectionString: "UseDevelopmentStorage=true" },
    ],
    [
      { AzureWebJobsStorage__accountName: "contosokeys" },
      { blobServiceUri: "https://contosokeys.blob.core.windows.net" },
    ],
    [
      {
        AzureWebJobsStorage__accountName: "contosokeys",
        AzureWebJobsStorage__blobServiceUri: "https://contosokeys.blob.core.chinacloudapi.cn",
      },
      { blobServiceUri: "https://contosokeys.blob.core.chinacloudapi.cn" },
    ],
    [
      { AzureWebJobsStorage__accountName: "contosokeys", AzureWebJobsStorage__clientId: telemetryClientId },
      { blobServiceUri: "https://contosokeys.blob.core.windows.net", clientId: telemetryClientId },
    ],
  ])("%j → that storage account", (env, storage) => {
    expect(storageOf(env)).toEqual(storage);
  });

  test("no storage account in any of the three ways → one problem", () => {
    expect(problemsOf({ AzureWebJobsStorage: "" })).toMatchObject([{ path: "AzureWebJobsStorage" }]);
  });
});

describe("settings that are wrong", () => {
  test.each([
    ["ROTATION_SCHEDULE", "0 3 * * *"],
    ["KEY_VAULT_URL", "https://contoso.example.org"],
    ["RESOURCE_MANAGER_URL", "http://management.azure.com"],
    ["AZURE_CLIENT_ID", "my-identity"],
    ["OPERATOR_ROLE", "two roles"],
    ["WEBSITE_AUTH_ENABLED", "yes"],
    ["ROTATION_CONCURRENCY", "0"],
    ["ROTATION_CONCURRENCY", "65"],
    ["ROTATION_CONCURRENCY", "1.5"],
    ["ROTATION_CONCURRENCY", "0x8"],
    ["ROTATION_CONCURRENCY", "-1"],
    ["DEPLOYMENT_NAME", "contoso rotation"],
    ["DEPLOYMENT_NAME", "x".repeat(61)],
    ["AzureFunctionsJobHost__functionTimeout", "-1"],
    ["AzureFunctionsJobHost__functionTimeout", "-1.00:00:00"],
    ["AzureFunctionsJobHost__functionTimeout", "unlimited"],
    ["AzureFunctionsJobHost__functionTimeout", "00:00:00"],
    ["AzureFunctionsJobHost__functionTimeout", "24:00:00"],
    ["AzureFunctionsJobHost__functionTimeout", "00:60:00"],
    ["AzureFunctionsJobHost__functionTimeout", "30"],
    ["CALL_TIMEOUT_SECONDS", "0"],
    ["CALL_TIMEOUT_SECONDS", "121"],
    ["CALL_TIMEOUT_SECONDS", "30s"],
  ])("%s = %s → one problem with value, rule and remedy", (path, value) => {
    const problems = problemsOf({ [path]: value });
    expect(problems).toEqual([
      {
        source: "app settings",
        path,
        value: `"${value}"`,
        rule: expect.any(String),
        remedy: expect.any(String),
      },
    ]);
    for (const { rule, remedy } of problems)
      expect([rule, remedy].every((words) => words.length > 5)).toBe(true);
  });

  test.each(["ROTATION_SCHEDULE", "DEPLOYMENT_NAME"])(
    "%s missing → the remedy has an example that is valid",
    (path) => {
      const [problem, ...others] = problemsOf({ [path]: "" });
      expect(others).toEqual([]);
      expect(problem).toMatchObject({ path, value: "(not set)" });
      const example = /"(.+)"$/.exec(problem?.remedy ?? "")?.[1] ?? "";
      expect(problemsOf({ [path]: example })).toEqual([]);
    },
  );

  test("an invocation without time for fifteen calls in sequence → refused", () => {
    const env = { AzureFunctionsJobHost__functionTimeout: "00:07:30", CALL_TIMEOUT_SECONDS: "31" };
    expect(problemsOf(env).map(({ path }) => path)).toEqual(["CALL_TIMEOUT_SECONDS"]);
    expect(problemsOf({ ...env, CALL_TIMEOUT_SECONDS: "30" })).toEqual([]);
  });

  test.each([
    ["APPLICATIONINSIGHTS_CONNECTION_STRING", "canary", "InstrumentationKey (a GUID)"],
    ["APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=canary", "InstrumentationKey (a GUID)"],
    [
      "APPLICATIONINSIGHTS_CONNECTION_STRING",
      "IngestionEndpoint=https://canary",
      "InstrumentationKey (a GUID)",
    ],
    [
      "APPLICATIONINSIGHTS_CONNECTION_STRING",
      connectionString.replace("https://", "http://canary"),
      "https IngestionEndpoint",
    ],
    [
      "APPLICATIONINSIGHTS_CONNECTION_STRING",
      connectionString.replace(";", ";canary==x;"),
      "Key=Value pairs",
    ],
    ["APPLICATIONINSIGHTS_CONNECTION_STRING", `${connectionString}\u200b;canary`, "Key=Value pairs"],
    ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=canary", "Authorization=AAD"],
    ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "ClientId=canary", "Authorization=AAD"],
    ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=canary", "ClientId"],
    ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=a=canary", "ClientId"],
    ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD;ClientId=", "ClientId"],
  ])("%s = %s → the rule, and no part of the value", (path, value, words) => {
    const problems = problemsOf({ [path]: value });
    expect(problems).toMatchObject([{ path, value: "(set, not shown)" }]);
    expect(problems[0]?.rule).toContain(words);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  test.each([
    ["ROTATION_SCHEDULE", "0 0 3\u00a0* * *", '"0 0 3\\u00a0* * *"'],
    ["DEPLOYMENT_NAME", "rota\u200btion", '"rota\\u200btion"'],
    ["OPERATOR_ROLE", "Rotation.\u2060Operator", '"Rotation.\\u2060Operator"'],
    ["AZURE_CLIENT_ID", "066b1a89-\u200e", '"066b1a89-\\u200e"'],
  ])("%s = %j → refused, and the invisible character is shown as its code", (path, given, value) => {
    expect(problemsOf({ [path]: given })).toMatchObject([{ path, value }]);
  });

  test.each(Object.values(settings).map(({ name }) => name))(
    "%s is a reference that the platform did not resolve → a problem about the reference",
    (path) => {
      const value = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/a)";
      expect(problemsOf({ [path]: value })).toMatchObject([
        { path, value: `"${value}"`, remedy: expect.stringContaining("Key Vault Secrets User") },
      ]);
    },
  );

  test.each([
    ["W. Europe Standard Time", 1],
    ["Europe/Berlin", 1],
    ["UTC", 0],
    ["Etc/UTC", 0],
  ])("WEBSITE_TIME_ZONE = %s → %i problems, since schedules are in UTC", (value, count) => {
    expect(problemsOf({ WEBSITE_TIME_ZONE: value })).toHaveLength(count);
  });

  test("all settings wrong → all problems at once", () => {
    const names = Object.values(settings)
      .map(({ name }) => name)
      .filter((name) => name !== settings.gateways.name && name !== settings.azureTokenCredentials.name);
    const problems = problemsOf(Object.fromEntries(names.map((name) => [name, "no !"])));
    expect(problems.map(({ path }) => path).sort()).toEqual(names.sort());
  });
});

describe("the settings for the gateways' document", () => {
  const documentOf = (env: Record<string, string>) => readAppSettings(env, {}).document;

  test("an empty environment → no vault, no schedule, and the sample is refused", () => {
    expect(documentOf({})).toEqual({
      gatewaysJson: undefined,
      keyVaultUrl: undefined,
      rotationSchedule: undefined,
      sampleAllowed: false,
    });
  });

  test("a broken RESOURCE_MANAGER_URL → the sample adds no second problem", () => {
    expect(documentOf({ RESOURCE_MANAGER_URL: "no!" }).sampleAllowed).toBe(true);
  });
});

test("the table → every setting has its own name and a default that is valid", () => {
  const table = Object.values(settings);
  expect(new Set(table.map(({ name }) => name)).size).toBe(table.length);
  for (const setting of table) {
    if ("default" in setting) expect(setting.parse(setting.default).kind).toBe("value");
  }
});

test("host.json as it is deployed → its functionTimeout is the default of the setting", async () => {
  const host: unknown = JSON.parse(await readFile(new URL("../../host.json", import.meta.url), "utf8"));
  expect(host).toMatchObject({ functionTimeout: settings.functionTimeoutMs.default });
});
