import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { journalName } from "../../../src/journal/journal.ts";
import { runName } from "../../../src/runs/document.ts";
import { logName } from "../../../src/runs/log.ts";
import { markerName } from "../../../src/runs/marker.ts";
import { compileBicep, describeBicep, home, type Snapshot } from "../../support/bicep.ts";
import { gateway } from "../../support/gateways.ts";
import { infra } from "../folder.ts";
import { appSettings, deploy, deployByDefault, mainFile, ofType, theOne } from "./deployment.ts";

const root = path.join(infra, "..");

let byDefault: Snapshot;
let secluded: Snapshot;

const tags = { owner: "platform" };

const signIn = {
  clientId: "e0000000-0000-4000-8000-000000000000",
  operatorRole: "Rotation.Operator",
};

describeBicep("what is deployed", () => {
  beforeAll(async () => {
    byDefault = await deployByDefault();
    secluded = await deploy({
      network: { kind: "new", addressPrefix: "10.20.0.0/26" },
      signIn,
      tags,
      functionTimeoutMinutes: 125,
      recoverVault: true,
      deploymentName: "rotation-production",
    });
  });

  test("the function app → Flex Consumption, the Node.js that is tested, HTTPS and tokens only", async () => {
    const { devDependencies } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
    const plan = theOne(byDefault, "Microsoft.Web/serverfarms");
    expect(plan["sku"]).toEqual({ name: "FC1", tier: "FlexConsumption" });
    expect(theOne(byDefault, "Microsoft.Web/sites")).toMatchObject({
      kind: "functionapp,linux",
      identity: { type: "UserAssigned" },
      properties: {
        serverFarmId: plan.id,
        httpsOnly: true,
        functionAppConfig: {
          runtime: { name: "node", version: String(devDependencies.node).split(".")[0] },
          scaleAndConcurrency: { alwaysReady: [] },
          deployment: {
            storage: {
              type: "blobContainer",
              value: expect.stringMatching(/primaryEndpoints\.blob, 'deployment-package'\)\]$/),
              authentication: {
                type: "UserAssignedIdentity",
                userAssignedIdentityResourceId: theOne(
                  byDefault,
                  "Microsoft.ManagedIdentity/userAssignedIdentities",
                ).id,
              },
            },
          },
        },
      },
    });
    const passwords = ofType(byDefault, "Microsoft.Web/sites/basicPublishingCredentialsPolicies");
    expect(passwords.map(({ name, properties }) => [name.replace(/^.*\//, ""), properties])).toEqual([
      ["ftp", { allow: false }],
      ["scm", { allow: false }],
    ]);
  });

  test("storage → no keys, no public blobs, TLS 1.2, and deleted blobs can be restored", () => {
    const account = theOne(byDefault, "Microsoft.Storage/storageAccounts");
    expect(account.properties).toMatchObject({
      allowSharedKeyAccess: false,
      allowBlobPublicAccess: false,
      minimumTlsVersion: "TLS1_2",
      supportsHttpsTrafficOnly: true,
    });
    // Storage that replicates to another region would restore an older journal after a fail-over.
    expect(account["sku"]).toEqual({ name: "Standard_ZRS" });
    const kept = { enabled: true, days: 7 };
    expect(theOne(byDefault, "Microsoft.Storage/storageAccounts/blobServices").properties).toEqual({
      deleteRetentionPolicy: kept,
      containerDeleteRetentionPolicy: kept,
    });
  });

  test("the lifecycle rule → deletes only records of runs, 90 days after their last change", async () => {
    const source = await readFile(path.join(root, "src", "app.ts"), "utf8");
    const container = /container: "([^"]+)"/.exec(source)?.[1] ?? "";
    const containers = ofType(byDefault, "Microsoft.Storage/storageAccounts/blobServices/containers");
    expect(containers.map(({ name }) => name.replace(/^.*\//, ""))).toContain(container);

    const prefix = `${container}/runs/`;
    expect(theOne(byDefault, "Microsoft.Storage/storageAccounts/managementPolicies").properties).toEqual({
      policy: {
        rules: [
          {
            name: "delete-finished-runs",
            enabled: true,
            type: "Lifecycle",
            definition: {
              filters: { blobTypes: ["blockBlob", "appendBlob"], prefixMatch: [prefix] },
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 90 } } },
            },
          },
        ],
      },
    });
    for (const name of [runName("timer-1"), logName("timer-1")])
      expect(`${container}/${name}`.startsWith(prefix)).toBe(true);
    for (const name of [journalName(gateway()), markerName("timer-1")]) {
      expect(`${container}/${name}`.startsWith(prefix)).toBe(false);
    }
  });

  test("the vault → roles, purge protection, 90 days of soft delete, and an access log", () => {
    const vault = theOne(byDefault, "Microsoft.KeyVault/vaults");
    expect(vault.properties).toMatchObject({
      createMode: "default",
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      enablePurgeProtection: true,
      softDeleteRetentionInDays: 90,
      enabledForDeployment: false,
      enabledForTemplateDeployment: false,
    });
  });

  test("vault and storage → log every access to the vault, and every change of a blob", () => {
    const vault = theOne(byDefault, "Microsoft.KeyVault/vaults");
    const blobs = theOne(byDefault, "Microsoft.Storage/storageAccounts/blobServices");
    const workspaceId = theOne(byDefault, "Microsoft.OperationalInsights/workspaces").id;
    const logged = ofType(byDefault, "Microsoft.Insights/diagnosticSettings").map(({ id, properties }) => ({
      of: id.replace(/\/providers\/Microsoft\.Insights\/.*$/, ""),
      ...properties,
    }));
    const logAnalyticsDestinationType = "Dedicated";
    expect(logged.sort((a, b) => (a.of < b.of ? -1 : 1))).toEqual([
      {
        of: vault.id,
        workspaceId,
        logAnalyticsDestinationType,
        logs: [{ categoryGroup: "audit", enabled: true }],
      },
      {
        of: blobs.id,
        workspaceId,
        logAnalyticsDestinationType,
        logs: [
          { category: "StorageWrite", enabled: true },
          { category: "StorageDelete", enabled: true },
        ],
      },
    ]);
  });

  test("/admin → closed, because sign-in does not guard it", () => {
    expect(theOne(byDefault, "Microsoft.Web/sites").properties).toMatchObject({
      functionsRuntimeAdminIsolationEnabled: true,
    });
  });

  test("a group of the same name in another region → no name is used twice", async () => {
    const north = await deploy({ location: "northeurope" });
    const idsOf = ({ predictedResources }: Snapshot) =>
      predictedResources.map(({ id }) => id).filter((id) => !id.includes("/blobServices/"));
    expect(idsOf(north).length).toBe(idsOf(byDefault).length);
    expect(idsOf(north).filter((id) => idsOf(byDefault).includes(id))).toEqual([]);

    const spelled = await deploy({ location: "West Europe" });
    expect(idsOf(spelled)).toEqual(idsOf(byDefault));
  });

  test("a deployment to a subscription → its name has the region of its group, which it keeps for ever", async () => {
    const template = await compileBicep(mainFile);
    const text = JSON.stringify(template);
    expect(text).toContain(
      "\"token\":\"[take(uniqueString(resourceGroup().id, parameters('name'), variables('region'), resourceGroup().location), 8)]\"",
    );
    const named = z.record(
      z.string(),
      z.looseObject({ name: z.string().optional(), location: z.string().optional() }),
    );
    const placed = Object.values(named.parse(template.resources)).filter(
      ({ location }) => location === "[resourceGroup().location]",
    );
    expect(placed.length).toBeGreaterThan(0);
    for (const { name } of placed) expect(name).toContain("variables('suffix')");
  });

  test("paused → the schedule's function is off, also after the next deployment", async () => {
    const functionName = "rotateOnSchedule";
    const source = await readFile(path.join(root, "functions", `${functionName}.ts`), "utf8");
    expect(source).toContain(`app.timer("${functionName}"`);
    const setting = `AzureWebJobs.${functionName}.Disabled`;
    expect(appSettings(byDefault).get(setting)).toBe("false");
    const paused = appSettings(await deploy({ paused: true }));
    expect(paused.get(setting)).toBe("true");
    expect([...paused.keys()].filter((name) => name.endsWith(".Disabled"))).toEqual([setting]);
  });

  test("lockResources → the vault and the storage account cannot be deleted", async () => {
    expect(ofType(byDefault, "Microsoft.Authorization/locks")).toEqual([]);
    const locked = await deploy({ lockResources: true });
    const locks = ofType(locked, "Microsoft.Authorization/locks");
    expect(
      locks.map(({ id }) => id.replace(/\/providers\/Microsoft\.Authorization\/.*$/, "")).sort(),
    ).toEqual(
      [
        theOne(locked, "Microsoft.KeyVault/vaults").id,
        theOne(locked, "Microsoft.Storage/storageAccounts").id,
      ].sort(),
    );
    for (const { properties } of locks) expect(properties["level"]).toBe("CanNotDelete");
  });

  test("telemetry → accepted with a token only", () => {
    const workspace = theOne(byDefault, "Microsoft.OperationalInsights/workspaces");
    expect(workspace.properties).toMatchObject({ features: { disableLocalAuth: true } });
    expect(theOne(byDefault, "Microsoft.Insights/components").properties).toMatchObject({
      DisableLocalAuth: true,
      WorkspaceResourceId: workspace.id,
    });
  });

  test("names → the Cloud Adoption Framework's abbreviations, within Azure's limits", () => {
    const nameOf = (type: string) => theOne(byDefault, type).name;
    expect(nameOf("Microsoft.Web/sites")).toMatch(/^func-keyrotation-\w{8}$/);
    expect(nameOf("Microsoft.Web/serverfarms")).toMatch(/^asp-/);
    expect(nameOf("Microsoft.ManagedIdentity/userAssignedIdentities")).toMatch(/^id-/);
    expect(nameOf("Microsoft.OperationalInsights/workspaces")).toMatch(/^log-/);
    expect(nameOf("Microsoft.Insights/components")).toMatch(/^appi-/);
    expect(nameOf("Microsoft.KeyVault/vaults")).toMatch(/^kv-[a-z0-9-]{1,21}$/);
    expect(nameOf("Microsoft.Storage/storageAccounts")).toMatch(/^st[a-z0-9]{1,22}$/);
  });

  test("tags → on every resource that has a location, and so can have tags", () => {
    const placed = secluded.predictedResources.filter(({ location }) => location !== undefined);
    expect(placed.length).toBeGreaterThan(15);
    for (const resource of placed) expect(resource).toMatchObject({ tags });
  });

  test("no sign-in → function keys only, and no app role is required", () => {
    expect(ofType(byDefault, "Microsoft.Web/sites/config")).toEqual([]);
    expect(appSettings(byDefault).get("OPERATOR_ROLE")).toBe("");
  });

  test("sign-in → 401 without a token for this app, and the role is an app setting", () => {
    expect(theOne(secluded, "Microsoft.Web/sites/config").properties).toMatchObject({
      platform: { enabled: true },
      globalValidation: {
        requireAuthentication: true,
        unauthenticatedClientAction: "Return401",
        excludedPaths: ["/api/status"],
      },
      httpSettings: { requireHttps: true },
      identityProviders: {
        azureActiveDirectory: {
          enabled: true,
          registration: {
            clientId: signIn.clientId,
            // The v2.0 issuer is not that of version 1 tokens: in docs/security.md, the registration requests version 2.
            openIdIssuer: `[format('{0}{1}/v2.0', environment().authentication.loginEndpoint, '${home.tenantId}')]`,
          },
          validation: {
            allowedAudiences: [`api://${signIn.clientId}`, signIn.clientId],
            defaultAuthorizationPolicy: {
              // An empty list would refuse every valid token.
              allowedApplications: [signIn.clientId, "04b07795-8ddb-461a-bbee-02f9e1bf7b46"],
            },
          },
        },
      },
      login: { tokenStore: { enabled: false } },
    });
    expect(appSettings(secluded).get("OPERATOR_ROLE")).toBe(signIn.operatorRole);
  });

  test("an app and a vault deployed again → same name on versions, same secrets", () => {
    expect(appSettings(secluded).get("DEPLOYMENT_NAME")).toBe("rotation-production");
    expect(theOne(secluded, "Microsoft.KeyVault/vaults").properties["createMode"]).toBe("recover");
  });

  test("functionTimeoutMinutes → in the host's notation", () => {
    expect(appSettings(secluded).get("AzureFunctionsJobHost__functionTimeout")).toBe("02:05:00");
  });
});
