import type {
  Gateway,
  GatewayTarget,
  IntegrationRuntimeTarget,
  TargetIdentity,
} from "../../src/domain/target.ts";

const subscriptionId = "00000000-0000-0000-0000-000000000000";

export const gatewayTarget: GatewayTarget = {
  kind: "gatewayV1",
  ...ids(
    `/subscriptions/${subscriptionId}/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest`,
  ),
  resourceGroupName: "adf",
  dataFactoryName: "test",
  gatewayName: "gatewaytest",
};

/** Another version 1 gateway of the same factory. Each gateway has its own journal. */
export function anotherTarget(gatewayName: string): GatewayTarget {
  return { ...gatewayTarget, ...ids(gatewayTarget.resourceId.replace(/[^/]+$/, gatewayName)), gatewayName };
}

export const runtimeTarget: IntegrationRuntimeTarget = {
  kind: "integrationRuntime",
  ...ids(
    `/subscriptions/${subscriptionId}/resourceGroups/adf/providers/Microsoft.DataFactory/factories/adf-sales/integrationRuntimes/warehouse`,
  ),
  resourceGroupName: "adf",
  factoryName: "adf-sales",
  integrationRuntimeName: "warehouse",
};

export const gateway = (
  vaultUrl = "https://contoso-keys.vault.azure.net",
  terms: Partial<Gateway> = {},
): Gateway => ({
  name: "gatewaytest",
  target: gatewayTarget,
  secret: { vaultUrl, secretName: "adf-gatewaytest-key" },
  ...terms,
});

export const runtime = (
  vaultUrl = "https://contoso-keys.vault.azure.net",
  terms: Partial<Gateway> = {},
): Gateway => ({
  name: "warehouse",
  target: runtimeTarget,
  secret: { vaultUrl, secretName: "adf-sales-warehouse" },
  ...terms,
});

function ids(resourceId: string) {
  return { resourceId, identity: resourceId.toLowerCase() as TargetIdentity, subscriptionId };
}
