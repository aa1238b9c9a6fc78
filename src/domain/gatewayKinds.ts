import { type NameRule, nameRules } from "./resourceNames.ts";
import type { KeySlot, TargetKind } from "./target.ts";

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
}

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
