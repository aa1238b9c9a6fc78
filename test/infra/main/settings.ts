import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadConfiguration } from "../../../src/config/configuration.ts";
import { type Setting, settings } from "../../../src/config/settings.ts";
import { describeBicep, infra } from "../../support/bicep.ts";
import { appSettings, deployByDefault, gateways } from "./deployment.ts";

const table: readonly Setting<unknown>[] = Object.values(settings);

/** Read by the code, has no default, and is not set all the same. */
const leftOut: Readonly<Record<string, string>> = {
  GATEWAYS: "the list is deployed with the app, as gateways.json",
  AzureWebJobsStorage: "a connection string holds a key",
  AzureWebJobsStorage__accountName: "AzureWebJobsStorage__blobServiceUri, which is right in every cloud",
};

/** Not in the code's table: the Functions host alone reads it. */
const hostsOwn: Readonly<Record<string, string>> = {
  AzureWebJobsStorage__credential: "by which kind of identity the host reaches its storage",
  AzureWebJobsStorage__clientId: "by which one",
};

/** What only Azure knows when it deploys, as it would be in the public cloud. */
const known: Readonly<Record<string, string>> = {
  KEY_VAULT_URL: "https://kv-keyrotation-abcdefgh.vault.azure.net",
  RESOURCE_MANAGER_URL: "https://management.azure.com/",
  AZURE_CLIENT_ID: "c0000000-0000-4000-8000-000000000000",
  AzureWebJobsStorage__blobServiceUri: "https://stkeyrotationabcdefgh.blob.core.windows.net/",
  AzureWebJobsStorage__clientId: "c0000000-0000-4000-8000-000000000000",
  APPLICATIONINSIGHTS_CONNECTION_STRING:
    "InstrumentationKey=d0000000-0000-4000-8000-000000000000;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING:
    "ClientId=c0000000-0000-4000-8000-000000000000;Authorization=AAD",
};

let deployed: ReadonlyMap<string, string>;
let env: Readonly<Record<string, string>>;

describeBicep("app settings", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    deployed = appSettings(await deployByDefault());
    env = Object.fromEntries([...deployed].map(([name, value]) => [name, atRuntime(name, value)]));
  });

  test("every setting that the code reads → is set, or has a default, or is left out for a reason", () => {
    const unset = table.filter(({ name }) => !deployed.has(name));
    const without = unset.filter((setting) => setting.default === undefined).map(({ name }) => name);
    expect(without.sort()).toEqual(Object.keys(leftOut).sort());
    expect(unset.filter(({ required }) => required)).toEqual([]);
  });

  test("every setting that is deployed → is read by the code or by the host", () => {
    const names = table.map(({ name }) => name);
    const strangers = [...deployed.keys()].filter((name) => !names.includes(name));
    expect(strangers.sort()).toEqual(Object.keys(hostsOwn).sort());
  });

  test("a setting with a default → the template has the same one", () => {
    const withDefault = table.filter(({ name, default: value }) => value !== undefined && deployed.has(name));
    expect(withDefault.length).toBeGreaterThan(4);
    const differing = withDefault.filter(
      ({ name, default: value }) => env[name]?.replace(/\/$/, "") !== value,
    );
    expect(differing).toEqual([]);
  });

  test("the deployed settings and gateways.json → a configuration that the app accepts, by identity alone", async () => {
    const result = await configure(JSON.stringify({ gateways }));
    expect(result).toMatchObject({
      kind: "valid",
      configuration: {
        settings: {
          storage: { blobServiceUri: "https://stkeyrotationabcdefgh.blob.core.windows.net" },
          resourceManager: { scope: "https://management.azure.com/.default" },
          applicationInsights: { authentication: { kind: "entra", clientId: known["AZURE_CLIENT_ID"] } },
          azureClientId: known["AZURE_CLIENT_ID"],
          functionTimeoutMs: 1_800_000,
        },
      },
    });
  });

  test("the deployed settings and the sample → refused, and the reason is that it is the sample", async () => {
    const result = await configure(await readFile(path.join(infra, "..", "gateways.sample.json"), "utf8"));
    const problems = result.kind === "invalid" ? result.problems : [];
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.filter(({ rule, mend }) => !/sample|machine/.test(`${rule} ${mend}`))).toEqual([]);
  });

  test("no setting → holds a key, a connection string of storage or a signature", () => {
    const secretive = /AccountKey|SharedAccess|[?&]sig=|list\w*\(|@Microsoft\.KeyVault|password/i;
    expect([...deployed].filter(([, value]) => secretive.test(value))).toEqual([]);
  });
});

/** An expression that is left must be one that the table above fills in. */
function atRuntime(name: string, value: string): string {
  if (!value.startsWith("[")) return value;
  const filled = known[name];
  if (filled === undefined) throw new Error(`${name} is not known before the deployment: ${value}`);
  return filled;
}

/** What the app makes of the deployed settings, with this gateways.json and the host.json that is deployed. */
async function configure(gatewaysJson: string) {
  const directory = await mkdtemp(path.join(tmpdir(), "deployed-"));
  try {
    await writeFile(path.join(directory, "gateways.json"), gatewaysJson);
    await writeFile(path.join(directory, "host.json"), await readFile(path.join(infra, "..", "host.json")));
    return await loadConfiguration({ env, directory });
  } finally {
    await rm(directory, { recursive: true });
  }
}
