import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { compileBicep, describeBicep, environment, home, type Snapshot } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import {
  appSettings,
  deploy,
  deployByDefault,
  deploySample,
  gateways,
  mainFile,
  ofType,
  rotatedIds,
  theOne,
  vaultAt,
} from "./deployment.ts";

const elsewhere = "20000000-0000-4000-8000-000000000002";
const third = "30000000-0000-4000-8000-000000000003";

const gatewayActions = [
  "Microsoft.Authorization/permissions/read",
  "Microsoft.DataFactory/datafactories/gateways/read",
  "Microsoft.DataFactory/datafactories/gateways/*/action",
];
const runtimeActions = [
  "Microsoft.Authorization/permissions/read",
  "Microsoft.DataFactory/factories/integrationruntimes/read",
  "Microsoft.DataFactory/factories/integrationruntimes/listauthkeys/action",
  "Microsoft.DataFactory/factories/integrationruntimes/regenerateauthkey/action",
];
const synapseActions = [
  "Microsoft.Authorization/permissions/read",
  "Microsoft.Synapse/workspaces/integrationRuntimes/read",
  "Microsoft.Synapse/workspaces/integrationRuntimes/listAuthKeys/action",
  "Microsoft.Synapse/workspaces/integrationRuntimes/regenerateAuthKey/action",
];
const vaultActions = [
  "Microsoft.KeyVault/vaults/secrets/getSecret/action",
  "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
  "Microsoft.KeyVault/vaults/secrets/setSecret/action",
];

/** The built-in roles that are assigned, by id, each with its reason and the type of its scope. */
const builtInRoles: Readonly<Record<string, string>> = {
  // Storage Blob Data Owner: the narrowest that Microsoft documents for the host's own storage.
  "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Microsoft.Storage/storageAccounts",
  // Monitoring Metrics Publisher: telemetry, since local authentication is off.
  "3913510d-42f4-4e42-8a64-420c390055eb": "Microsoft.Insights/components",
};

/** What the runbook does with the function app. */
const operatorActions = [
  "Microsoft.Web/sites/read",
  "Microsoft.Web/sites/host/listkeys/action",
  "Microsoft.Web/sites/restart/action",
  "Microsoft.Web/sites/start/action",
  "Microsoft.Web/sites/stop/action",
];

/** The operators' built-in roles, each with its reason. */
const operatorRoles = {
  // Storage Blob Data Contributor: read runs and journals, delete a journal that cannot be read.
  storage: "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
  // Monitoring Reader: the workbook and the log.
  telemetry: "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
  // Key Vault Secrets Officer: store a key by hand, recover and restore a secret.
  vault: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
};

const definition = z.object({
  roleName: z.string(),
  type: z.literal("CustomRole"),
  permissions: z.tuple([
    z.object({
      actions: z.array(z.string()),
      notActions: z.array(z.string()).length(0),
      dataActions: z.array(z.string()),
      notDataActions: z.array(z.string()).length(0),
    }),
  ]),
  assignableScopes: z.tuple([z.string()]),
});

const assignment = z.object({
  principalId: z.string(),
  principalType: z.enum(["ServicePrincipal", "Group"]),
  roleDefinitionId: z.string(),
});

interface Grant {
  readonly scope: string;
  /** The actions of a custom role, or the id of a built-in one. */
  readonly may: readonly string[];
}

const byScope = (grants: readonly Grant[]) => grants.toSorted((a, b) => (a.scope < b.scope ? -1 : 1));

const operatorGroupId = "f0000000-0000-4000-8000-000000000000";
const identityPrincipal = /userAssignedIdentities\/id-keyrotation-\w+', '[\d-]+'\)\.principalId\]$/;

/** Each role assignment to the identity, or to the operators: its scope, and what its role permits. */
function grantsOf(
  snapshot: Snapshot,
  to: "ServicePrincipal" | "Group" = "ServicePrincipal",
): readonly Grant[] {
  const definitions = new Map(
    ofType(snapshot, "Microsoft.Authorization/roleDefinitions").map(({ id, properties }) => {
      const { permissions, assignableScopes } = definition.parse(properties);
      expect(id.startsWith(`${assignableScopes[0]}/`)).toBe(true);
      return [id, [...permissions[0].actions, ...permissions[0].dataActions]];
    }),
  );
  const grants = ofType(snapshot, "Microsoft.Authorization/roleAssignments").flatMap(({ id, properties }) => {
    const { principalId, principalType, roleDefinitionId } = assignment.parse(properties);
    if (principalType !== to) return [];
    expect(principalId).toMatch(to === "Group" ? operatorGroupId : identityPrincipal);
    const scope =
      /^\[extensionResourceId\('([^']+)'/.exec(id)?.[1] ??
      id.replace(/\/providers\/Microsoft\.Authorization\/.*$/, "");
    const may = definitions.get(roleDefinitionId) ?? builtInRole(roleDefinitionId);
    return [{ scope: scope.toLowerCase(), may }];
  });
  return byScope(grants);
}

function builtInRole(roleDefinitionId: string): readonly string[] {
  const role = roleDefinitionId.replace(/^.*\//, "");
  if (!Object.hasOwn(builtInRoles, role) && !Object.values(operatorRoles).includes(role))
    throw new Error(`a role without an entry in builtInRoles: ${roleDefinitionId}`);
  return [role];
}

function expectedGrants(snapshot: Snapshot, ids: readonly string[], vaults: readonly string[]) {
  return byScope([
    ...Object.entries(builtInRoles).map(([role, type]) => {
      return { scope: theOne(snapshot, type).id.toLowerCase(), may: [role] };
    }),
    ...ids.map((scope) => {
      return { scope, may: actionsOf(scope) };
    }),
    ...vaults.map((scope) => ({ scope: scope.toLowerCase(), may: vaultActions })),
  ]);
}

const actionsOf = (scope: string) =>
  scope.includes("/datafactories/")
    ? gatewayActions
    : scope.includes("/factories/")
      ? runtimeActions
      : synapseActions;

let snapshot: Snapshot;

describeBicep("roles", () => {
  beforeAll(async () => {
    snapshot = await deployByDefault();
  });

  test("the gateways of gateways.json → exactly these roles, each on the resource itself", () => {
    const vault = theOne(snapshot, "Microsoft.KeyVault/vaults").id;
    expect(grantsOf(snapshot)).toEqual(expectedGrants(snapshot, rotatedIds, [vault]));
  });

  test("custom roles → one for each kind in each subscription that has this kind", () => {
    const names = ofType(snapshot, "Microsoft.Authorization/roleDefinitions").map(
      ({ properties }) => definition.parse(properties).roleName,
    );
    const app = theOne(snapshot, "Microsoft.Web/sites").name;
    expect(names.sort()).toEqual([
      `Gateway key rotation: Synapse integration runtimes (${app}, ${elsewhere})`,
      `Gateway key rotation: integration runtimes (${app}, ${home.subscriptionId})`,
      `Gateway key rotation: integration runtimes (${app}, ${elsewhere})`,
      `Gateway key rotation: vaults (${app}, ${home.subscriptionId})`,
      `Gateway key rotation: version 1 gateways (${app}, ${home.subscriptionId})`,
    ]);
  });

  test("wildcards → only the documented one", () => {
    const actions = new Set(grantsOf(snapshot).flatMap(({ may }) => may));
    expect([...actions].filter((action) => action.includes("*"))).toEqual([
      "Microsoft.DataFactory/datafactories/gateways/*/action",
    ]);
  });

  test("one more gateway, in another group and subscription → its assignment and its role", async () => {
    const resourceId = `/subscriptions/${third}/resourceGroups/New/providers/Microsoft.DataFactory/datafactories/Df/gateways/One`;
    const more = await deploy({ gateways: { gateways: [...gateways, { resourceId }] } });

    const before = new Set(snapshot.predictedResources.map(({ id }) => id));
    const added = more.predictedResources.filter(({ id }) => !before.has(id));
    expect(added.map(({ type }) => type).sort()).toEqual([
      "Microsoft.Authorization/roleAssignments",
      "Microsoft.Authorization/roleDefinitions",
    ]);
    expect(more.predictedResources).toHaveLength(snapshot.predictedResources.length + 2);
    const grants = grantsOf(more).filter(({ scope }) => scope.includes(third));
    expect(grants).toEqual([{ scope: resourceId.toLowerCase(), may: gatewayActions }]);
  });

  test("existing vaults in other groups and subscriptions → roles on them; the first is the default", async () => {
    const vaultIds = [vaultAt(elsewhere, "Keys", "contoso-keys"), vaultAt(third, "keys", "fabrikam-keys")];
    const vaultUrl = "https://Fabrikam-Keys.vault.azure.net/";
    const first = { ...gateways[0], vaultUrl };
    const existing = await deploy({ vaultIds, gateways: { gateways: [first, ...gateways.slice(1)] } });

    expect(grantsOf(existing)).toEqual(expectedGrants(existing, rotatedIds, vaultIds));
    expect(ofType(existing, "Microsoft.KeyVault/vaults")).toEqual([]);
    expect(ofType(existing, "Microsoft.Insights/diagnosticSettings").map(({ name }) => name)).toEqual([
      "changes",
    ]);
    expect(appSettings(existing).get("KEY_VAULT_URL")).toMatch(/'https:\/\/\{0\}\{1\}', 'contoso-keys', /);
  });

  test("a gateway whose vault is not in vaultIds → no deployment, and a remedy", async () => {
    const defaults = { vaultUrl: "https://stranger-keys.vault.azure.net" };
    await expect(deploy({ gateways: { defaults, gateways } })).rejects.toThrow(
      /stranger-keys, which is not in vaultIds\. Add its resource id/,
    );
  });

  test("main.bicepparam with the sample as gateways.json → deploys, without a role on any gateway", async () => {
    const sample = await deploySample();
    const vault = theOne(sample, "Microsoft.KeyVault/vaults").id;
    expect(grantsOf(sample)).toEqual(expectedGrants(sample, [], [vault]));
  });

  test("main.bicepparam → passes on every variable of the environment", async () => {
    const sample = await deploySample();
    expect(appSettings(sample).get("ROTATION_SCHEDULE")).toBe(environment.ROTATION_SCHEDULE);
    expect(appSettings(sample).get("AzureWebJobs.rotateOnSchedule.Disabled")).toBe(
      environment.ROTATION_PAUSED,
    );
    const group = theOne(sample, "Microsoft.Insights/actionGroups");
    expect(group.properties["emailReceivers"]).toMatchObject([{ emailAddress: environment.ALERT_EMAILS }]);
    for (const { properties } of ofType(sample, "Microsoft.Insights/scheduledQueryRules")) {
      expect(properties["actions"]).toEqual({ actionGroups: [group.id, environment.ACTION_GROUP_IDS] });
    }
    const principals = ofType(sample, "Microsoft.Authorization/roleAssignments").map(
      ({ properties }) => properties["principalId"],
    );
    expect(principals).toContain(environment.OPERATOR_GROUP_ID);
    expect(theOne(sample, "Microsoft.Web/sites")["tags"]).toEqual({
      "azd-env-name": environment.AZURE_ENV_NAME,
      "azd-service-name": "rotation",
    });
  });

  test("a role on a resource of the same deployment → waits for the resource and the definition", async () => {
    const { resources } = await compileBicep(mainFile);
    const waits = z.record(z.string(), z.looseObject({ dependsOn: z.array(z.string()).optional() }));
    const modules = waits.parse(resources);
    const before = (name: string): readonly string[] =>
      (modules[name]?.dependsOn ?? []).flatMap((other) => [other, ...before(other)]);
    expect(before("hostRoles")).toEqual(expect.arrayContaining(["identity", "monitoring", "storage"]));
    expect(before("vaultRoles")).toEqual(expect.arrayContaining(["identity", "roleDefinitions", "vault"]));
    expect(before("gatewayRoles")).toEqual(expect.arrayContaining(["identity", "roleDefinitions"]));
    expect(before("operatorRoles")).toEqual(
      expect.arrayContaining(["app", "monitoring", "storage", "roleDefinitions"]),
    );
    expect(before("operatorGatewayRoles")).toContain("roleDefinitions");
    expect(before("operatorVaultRoles")).toContain("vault");
  });

  test("a group of operators → what the runbook needs, and the identity's roles stay the same", async () => {
    const withOperators = await deploy({ operatorGroupId });
    const scopeOf = (type: string) => theOne(withOperators, type).id.toLowerCase();
    expect(grantsOf(withOperators)).toEqual(grantsOf(snapshot));
    expect(grantsOf(withOperators, "Group")).toEqual(
      byScope([
        { scope: scopeOf("Microsoft.Web/sites"), may: operatorActions },
        { scope: scopeOf("Microsoft.Storage/storageAccounts"), may: [operatorRoles.storage] },
        { scope: scopeOf("Microsoft.Insights/components"), may: [operatorRoles.telemetry] },
        { scope: scopeOf("Microsoft.KeyVault/vaults"), may: [operatorRoles.vault] },
        ...rotatedIds.map((scope) => ({ scope, may: actionsOf(scope) })),
      ]),
    );
    expect(grantsOf(snapshot, "Group")).toEqual([]);
  });

  test("docs/security.md → lists every permission and built-in role, and no other", async () => {
    const text = await readFile(path.join(infra, "..", "docs", "security.md"), "utf8");
    const rows = [...text.matchAll(/^\| .*?`(Microsoft\.[^`]+|[0-9a-f-]{36})`/gm)].map(([, name]) => name);
    const given = [
      gatewayActions,
      runtimeActions,
      synapseActions,
      vaultActions,
      operatorActions,
      Object.keys(builtInRoles),
      Object.values(operatorRoles),
    ].flat();
    expect(rows.sort()).toEqual([...new Set(given)].sort());
  });

  test("assignRoles: false → no role is created; the printed commands would create the same ones", async () => {
    const without = await deploy({ assignRoles: false });
    const commands = z.array(z.string()).parse(without.outputs["roleCommands"]);
    expect(without.predictedResources.filter(({ type }) => type.includes("Authorization"))).toEqual([]);
    expect(grantsOfCommands(commands)).toEqual(grantsOf(snapshot));
    expect(snapshot.outputs["roleCommands"]).toEqual([]);
  });

  test("assignRoles: false with operators → the printed commands would create their roles too", async () => {
    const without = await deploy({ assignRoles: false, operatorGroupId });
    const commands = z.array(z.string()).parse(without.outputs["roleCommands"]);
    const withOperators = await deploy({ operatorGroupId });
    expect(grantsOfCommands(commands, "Group")).toEqual(grantsOf(withOperators, "Group"));
    expect(grantsOfCommands(commands)).toEqual(grantsOf(withOperators));
  });
});

const roleInput = z.object({
  Name: z.string(),
  IsCustom: z.literal(true),
  Actions: z.array(z.string()),
  DataActions: z.array(z.string()),
  AssignableScopes: z.tuple([z.string()]),
});

/** The roles that the commands would assign. */
function grantsOfCommands(
  commands: readonly string[],
  to: "ServicePrincipal" | "Group" = "ServicePrincipal",
): readonly Grant[] {
  const roles = new Map<string, readonly string[]>();
  const grants: Grant[] = [];
  for (const command of commands) {
    const json = /^az role definition create --role-definition '(\{[^']*\})'$/.exec(command)?.[1];
    if (json !== undefined) {
      const { Name, Actions, DataActions } = roleInput.parse(JSON.parse(json));
      roles.set(Name, [...Actions, ...DataActions]);
      continue;
    }
    const [, identity, group, type, role = "", scope = ""] = assignCommand.exec(command) ?? [];
    if (type !== to) continue;
    expect(identity ?? group).toMatch(
      to === "Group" ? operatorGroupId : /\/userAssignedIdentities\/id-keyrotation-\w+$/,
    );
    grants.push({ scope: scope.toLowerCase(), may: roles.get(role) ?? builtInRole(role) });
  }
  return byScope(grants);
}

const assignCommand =
  /^az role assignment create --assignee-object-id (?:"\$\(az identity show --ids (\S+) --query principalId --output tsv\)"|([\w-]+)) --assignee-principal-type (ServicePrincipal|Group) --role "([^"]+)" --scope "([^"]+)"$/;
