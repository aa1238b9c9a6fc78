import type { KeySlot, TargetKind } from "./target.ts";

/** The rule for one name in a resource id. */
export interface NameRule {
  readonly pattern: RegExp;
  readonly minimum: number;
  readonly maximum: number;
  readonly rule: string;
  readonly remedy: string;
}

const nameRule = (
  title: string,
  pattern: RegExp,
  minimum: number,
  maximum: number,
  characters: string,
): NameRule => ({
  pattern,
  minimum,
  maximum,
  rule: `${title}'s name has ${minimum === 1 ? "at most" : `${minimum} to`} ${maximum} ${characters}`,
  remedy: "write its name as the portal shows it",
});

const dashed = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/;
const dashedCharacters = "letters and digits, with single hyphens between them";

/**
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
 * @see https://learn.microsoft.com/azure/data-factory/naming-rules
 */
export const nameRules = {
  subscription: {
    pattern: /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
    minimum: 36,
    maximum: 36,
    rule: "a subscription is named by its id, a GUID",
    remedy: "write the Subscription ID that the portal shows, not the subscription's name",
  },
  // Letters and digits of any script. Resource Manager refuses a period at the end. Without this rule ".." could also
  // change a request's path.
  resourceGroup: nameRule(
    "a resource group",
    /^[-_\p{L}\p{Nd}.()]*[-_\p{L}\p{Nd}()]$/u,
    1,
    90,
    "letters and digits of any script, - _ . ( ), not ending in a period",
  ),
  factory: nameRule("a data factory", dashed, 3, 63, dashedCharacters),
  // The rule of Terraform's provider (workspace_name.go), with capital letters too, since ids compare without case.
  workspace: nameRule(
    "a Synapse workspace",
    /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/,
    1,
    50,
    "letters, digits and hyphens, with no hyphen at its ends",
  ),
  integrationRuntime: nameRule("an integration runtime", dashed, 3, 63, dashedCharacters),
  // There is no published rule for version 1 gateways. Their client only requires a name that is not empty. This rule
  // allows more than that of version 2, and is still safe in a URL's path.
  gateway: nameRule(
    "a gateway",
    /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
    1,
    63,
    "letters, digits, hyphens and underscores, beginning with a letter or digit",
  ),
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
  readonly names: { readonly parent: NameRule; readonly gateway: NameRule };
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

const twoKeys = {
  slots: ["authKey1", "authKey2"],
  impact: "Users of the published key are not affected: it works until the rotation after this one.",
  afterRotation: undefined,
} as const;

/**
 * The kinds of gateways whose keys can be rotated. To add one, add a row here and its requests to
 * src/azure/gatewayKinds/. The role that it needs is in infra/permissions.bicep.
 */
export const gatewayKinds = {
  gatewayV1: {
    resourceType: "Microsoft.DataFactory/datafactories/gateways",
    title: "version 1 gateway",
    parentTitle: "data factory",
    names: { parent: nameRules.factory, gateway: nameRules.gateway },
    slots: ["key"],
    actions: ["Microsoft.DataFactory/datafactories/gateways/regeneratekey/action"],
    contentType: "application/vnd.azure-data-factory.gateway-key",
    impact: "The gateway stops until its host has the new key.",
    afterRotation:
      "Give the new key to the gateway's host: on that machine, run dmgcmd -Key with the value of {secret} (docs/runbook.md has a script for it).",
  },
  integrationRuntime: {
    resourceType: "Microsoft.DataFactory/factories/integrationRuntimes",
    title: "self-hosted integration runtime",
    parentTitle: "data factory",
    names: { parent: nameRules.factory, gateway: nameRules.integrationRuntime },
    ...twoKeys,
    actions: [
      "Microsoft.DataFactory/factories/integrationruntimes/regenerateauthkey/action",
      "Microsoft.DataFactory/factories/integrationruntimes/listauthkeys/action",
    ],
    contentType: "application/vnd.azure-data-factory.integration-runtime-key",
  },
  synapseIntegrationRuntime: {
    resourceType: "Microsoft.Synapse/workspaces/integrationRuntimes",
    title: "self-hosted integration runtime of Synapse",
    parentTitle: "Synapse workspace",
    names: { parent: nameRules.workspace, gateway: nameRules.integrationRuntime },
    ...twoKeys,
    actions: [
      "Microsoft.Synapse/workspaces/integrationRuntimes/regenerateAuthKey/action",
      "Microsoft.Synapse/workspaces/integrationRuntimes/listAuthKeys/action",
    ],
    contentType: "application/vnd.azure-synapse.integration-runtime-key",
  },
} as const satisfies Record<string, KindRow>;

export type OneKeyKind = {
  [Kind in TargetKind]: (typeof gatewayKinds)[Kind]["slots"]["length"] extends 1 ? Kind : never;
}[TargetKind];

export type TwoKeyKind = Exclude<TargetKind, OneKeyKind>;

export const kindNames = Object.keys(gatewayKinds).filter((name): name is TargetKind => name in gatewayKinds);
