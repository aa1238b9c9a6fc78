import type { KeySlot, TargetKind } from "./target.ts";

/** The rule for one name in a resource id. */
export interface NameRule {
  readonly pattern: RegExp;
  readonly minimum: number;
  readonly maximum: number;
  readonly rule: string;
  readonly remedy: string;
}

const dashed = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/;
const dashedRule = "3 to 63 letters and digits, with single hyphens between them";
// Letters and digits of any script. Resource Manager refuses a period at the end. Without this rule ".." could also
// change a request's path.
const resourceGroup = /^[-_\p{L}\p{Nd}.()]*[-_\p{L}\p{Nd}()]$/u;
const resourceGroupRule = "letters and digits of any script, - _ . ( ), not ending in a period";

/** @see https://learn.microsoft.com/azure/data-factory/naming-rules */
export const nameRules = {
  subscription: {
    pattern: /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
    minimum: 36,
    maximum: 36,
    rule: "a subscription is named by its id, a GUID",
    remedy: "write the Subscription ID that the portal shows, not the subscription's name",
  },
  // 1000 is the limit of Microsoft's .NET client of version 1; @azure/arm-datafactory refuses more than 90.
  resourceGroupOfVersion1: {
    pattern: resourceGroup,
    minimum: 1,
    maximum: 1000,
    rule: `a resource group's name has at most 1000 ${resourceGroupRule}`,
    remedy: "write the resource group's name as the portal shows it",
  },
  resourceGroup: {
    pattern: resourceGroup,
    minimum: 1,
    maximum: 90,
    rule: `a resource group's name has at most 90 ${resourceGroupRule}`,
    remedy: "write the resource group's name as the portal shows it",
  },
  factory: {
    pattern: dashed,
    minimum: 3,
    maximum: 63,
    rule: `a data factory's name has ${dashedRule}`,
    remedy: "write the data factory's name as the portal shows it",
  },
  integrationRuntime: {
    pattern: dashed,
    minimum: 3,
    maximum: 63,
    rule: `an integration runtime's name has ${dashedRule}`,
    remedy: "write the integration runtime's name as the portal shows it",
  },
  // There is no published rule for version 1 gateways. Its client only requires a name that is not empty. This rule
  // allows more than version 2's, and is still safe in a URL's path.
  gateway: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
    minimum: 1,
    maximum: 63,
    rule: "a gateway's name has at most 63 letters, digits, hyphens and underscores, beginning with a letter or digit",
    remedy: "write the gateway's name as the portal shows it",
  },
} satisfies Record<string, NameRule>;

export function isLegalName({ pattern, minimum, maximum }: NameRule, name: string): boolean {
  return name.length >= minimum && name.length <= maximum && pattern.test(name);
}

interface KindRow {
  /** Namespace, parent type and child type, as in its resource id. */
  readonly resourceType: `${string}/${string}/${string}`;
  /** The words for one gateway, and for the resource that it belongs to, in messages. */
  readonly title: string;
  readonly parentTitle: string;
  readonly names: { readonly resourceGroup: NameRule; readonly parent: NameRule; readonly gateway: NameRule };
  /** The keys of one gateway. With two keys, one works while the other is regenerated. */
  readonly slots: readonly KeySlot[];
  /** The actions of Resource Manager that a rotation needs. */
  readonly actions: readonly string[];
  /** The content type of the secret's versions: consumers see from it how to use the key. */
  readonly contentType: string;
  /** What a rotation means for those who use the gateway. */
  readonly impact: string;
  /** What its operators do after each rotation; `{secret}` stands for the secret's name and vault. Undefined: nothing. */
  readonly afterRotation: string | undefined;
}

const twoKeyImpact =
  "Whoever uses the published key is not affected: it keeps working until the rotation after this one.";

/**
 * The kinds of gateways whose keys can be rotated. To add one, add a row here and its requests to
 * src/azure/gatewayKinds/. The role that it needs is in infra/permissions.bicep.
 */
export const gatewayKinds = {
  gatewayV1: {
    resourceType: "Microsoft.DataFactory/datafactories/gateways",
    title: "version 1 gateway",
    parentTitle: "data factory",
    names: {
      resourceGroup: nameRules.resourceGroupOfVersion1,
      parent: nameRules.factory,
      gateway: nameRules.gateway,
    },
    slots: ["key"],
    actions: ["Microsoft.DataFactory/datafactories/gateways/regeneratekey/action"],
    contentType: "application/vnd.azure-data-factory.gateway-key",
    impact: "The gateway stops until its host is given the new key.",
    afterRotation:
      "Give the new key to the gateway's host: run there dmgcmd -Key with the value of {secret} (docs/runbook.md has a script for it).",
  },
  integrationRuntime: {
    resourceType: "Microsoft.DataFactory/factories/integrationRuntimes",
    title: "self-hosted integration runtime",
    parentTitle: "data factory",
    names: {
      resourceGroup: nameRules.resourceGroup,
      parent: nameRules.factory,
      gateway: nameRules.integrationRuntime,
    },
    slots: ["authKey1", "authKey2"],
    actions: [
      "Microsoft.DataFactory/factories/integrationruntimes/regenerateauthkey/action",
      "Microsoft.DataFactory/factories/integrationruntimes/listauthkeys/action",
    ],
    contentType: "application/vnd.azure-data-factory.integration-runtime-key",
    impact: twoKeyImpact,
    afterRotation: undefined,
  },
  synapseIntegrationRuntime: {
    resourceType: "Microsoft.Synapse/workspaces/integrationRuntimes",
    title: "self-hosted integration runtime of Synapse",
    parentTitle: "Synapse workspace",
    names: {
      resourceGroup: nameRules.resourceGroup,
      // The rule of Terraform's provider (workspace_name.go), but in any casing, as ids are compared.
      parent: {
        pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/,
        minimum: 1,
        maximum: 50,
        rule: "a Synapse workspace's name has 1 to 50 letters, digits and hyphens, with no hyphen at its ends",
        remedy: "write the workspace's name as the portal shows it",
      },
      gateway: nameRules.integrationRuntime,
    },
    slots: ["authKey1", "authKey2"],
    actions: [
      "Microsoft.Synapse/workspaces/integrationRuntimes/regenerateAuthKey/action",
      "Microsoft.Synapse/workspaces/integrationRuntimes/listAuthKeys/action",
    ],
    contentType: "application/vnd.azure-synapse.integration-runtime-key",
    impact: twoKeyImpact,
    afterRotation: undefined,
  },
} as const satisfies Record<string, KindRow>;

export type OneKeyKind = {
  [Kind in TargetKind]: (typeof gatewayKinds)[Kind]["slots"]["length"] extends 1 ? Kind : never;
}[TargetKind];

export type TwoKeyKind = Exclude<TargetKind, OneKeyKind>;

const isKind = (name: string): name is TargetKind => Object.hasOwn(gatewayKinds, name);

export const kindNames: readonly TargetKind[] = Object.keys(gatewayKinds).filter(isKind);

/** @param resourceType such as `Microsoft.DataFactory/datafactories/gateways`, in upper or lower case */
export function kindOfResourceType(resourceType: string): TargetKind | undefined {
  const wanted = resourceType.toLowerCase();
  return kindNames.find((kind) => gatewayKinds[kind].resourceType.toLowerCase() === wanted);
}
