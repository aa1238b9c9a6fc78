import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type Setting, settings } from "../../../src/config/appSettings.ts";
import { loadConfiguration } from "../../../src/config/configuration.ts";
import { describeBicep } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { appSettings, deployByDefault, gateways } from "./deployment.ts";

const table: readonly Setting<unknown>[] = Object.values(settings);

/** Settings that the code reads, that have no default, and that the template leaves unset, each with the reason. */
const leftOut: Readonly<Record<string, string>> = {
  GATEWAYS: "the list is deployed with the app, as gateways.json",
  WEBSITE_TIME_ZONE: "every schedule is in UTC",
  AzureWebJobsStorage: "a connection string holds a key",
  AzureWebJobsStorage__accountName: "AzureWebJobsStorage__blobServiceUri, which is right in every cloud",
};

/** Settings that only the Functions host reads, so they are not in the code's table. */
const hostsOwn: Readonly<Record<string, string>> = {
  AzureWebJobsStorage__credential: "by which kind of identity the host reaches its storage",
  "AzureWebJobs.rotateOnSchedule.Disabled": "whether the timer of that function is off",
};

const clientId = "c0000000-0000-4000-8000-000000000000";

/** Expressions that only Azure can evaluate, with their values in the public cloud. `*` stands for a resource's name. */
const known: Readonly<Record<string, string>> = {
  "[format('https://{0}{1}', 'kv-*', environment().suffixes.keyvaultDns)]":
    "https://kv-keyrotation-abcdefgh.vault.azure.net",
  "[environment().resourceManager]": "https://management.azure.com/",
  "[reference('*/userAssignedIdentities/*').clientId]": clientId,
  "[format('ClientId={0};Authorization=AAD', reference('*/userAssignedIdentities/*').clientId)]": `ClientId=${clientId};Authorization=AAD`,
  "[reference('*/storageAccounts/*').primaryEndpoints.blob]":
    "https://stkeyrotationabcdefgh.blob.core.windows.net/",
  "[reference('*/components/*').ConnectionString]":
    "InstrumentationKey=d0000000-0000-4000-8000-000000000000;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
};

let deployed: ReadonlyMap<string, string>;
let env: Readonly<Record<string, string>>;

describeBicep("app settings", () => {
  beforeAll(async () => {
    deployed = appSettings(await deployByDefault());
    env = Object.fromEntries([...deployed].map(([name, value]) => [name, atRuntime(value)]));
  });

  test("every setting that the code reads → is set, has a default, or is left out for a reason", () => {
    const unset = table.filter(({ name }) => !deployed.has(name));
    const without = unset.filter((setting) => setting.default === undefined).map(({ name }) => name);
    expect(without.sort()).toEqual(Object.keys(leftOut).sort());
    expect(unset.filter(({ required }) => required)).toEqual([]);
  });

  test("every deployed setting → is read by the code or by the host", () => {
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

  test("host and SDKs → sign in only as the identity that has the roles", () => {
    expect(env).toMatchObject({
      AzureWebJobsStorage__credential: "managedidentity",
      AzureWebJobsStorage__clientId: clientId,
      AZURE_CLIENT_ID: clientId,
      AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${clientId};Authorization=AAD`,
    });
  });

  test("the deployed settings and gateways.json → a configuration that the app accepts", async () => {
    const result = await configure(JSON.stringify({ gateways }));
    expect(result).toMatchObject({
      kind: "valid",
      settings: {
        storage: { blobServiceUri: "https://stkeyrotationabcdefgh.blob.core.windows.net" },
        resourceManager: { scope: "https://management.azure.com/.default" },
        telemetryAuthentication: { clientId },
        azureClientId: clientId,
        functionTimeoutMs: 1_800_000,
      },
    });
  });

  test("the deployed settings and the sample → refused because it is the sample", async () => {
    const result = await configure(await readFile(path.join(infra, "..", "gateways.sample.json"), "utf8"));
    const problems = result.kind === "invalid" ? result.problems : [];
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.filter(({ rule, remedy }) => !/sample|machine/.test(`${rule} ${remedy}`))).toEqual([]);
  });

  test("every setting → holds no key, no storage connection string and no signature", () => {
    const secretive = /AccountKey|SharedAccess|[?&]sig=|list\w*\(|@Microsoft\.KeyVault|password/i;
    expect([...deployed].filter(([, value]) => secretive.test(value))).toEqual([]);
  });
});

/** The value of a setting at run time. Every expression must be in the table above. */
function atRuntime(value: string): string {
  if (!value.startsWith("[")) return value;
  const expression = value
    .replace(/reference\('[^']+\/(\w+)\/[\w-]+', '[\d-]+'\)/, "reference('*/$1/*')")
    .replace(/'kv-\w+-\w+'/, "'kv-*'");
  const filled = known[expression];
  if (filled === undefined) throw new Error(`Not in the table of known expressions: ${expression}`);
  return filled;
}

/** The configuration that the app reads from the deployed settings, this gateways.json and the deployed host.json. */
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
