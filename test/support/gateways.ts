import type { Gateway, OneKeyTarget, TargetIdentity, TwoKeyTarget } from "../../src/domain/target.ts";
import { targetOf } from "../../src/runs/document.ts";
import type { RunGateway } from "../../src/runs/log.ts";
import { notBegun } from "../../src/runs/progress.ts";

/** The gateway in a run that has not begun it. */
export const ofNewRun = (of: Gateway): RunGateway => ({ ...targetOf(of), ...notBegun(0) });

const subscriptionId = "00000000-0000-0000-0000-000000000000";

export const gatewayTarget: OneKeyTarget = {
  kind: "gatewayV1",
  ...ids(
    `/subscriptions/${subscriptionId}/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest`,
  ),
  resourceGroupName: "adf",
  parentName: "test",
  name: "gatewaytest",
};

/** Another version 1 gateway of the same factory. Each gateway has its own journal. */
export function anotherTarget(name: string): OneKeyTarget {
  return { ...gatewayTarget, ...ids(gatewayTarget.resourceId.replace(/[^/]+$/, name)), name };
}

export const runtimeTarget: TwoKeyTarget = {
  kind: "integrationRuntime",
  ...ids(
    `/subscriptions/${subscriptionId}/resourceGroups/adf/providers/Microsoft.DataFactory/factories/adf-sales/integrationRuntimes/warehouse`,
  ),
  resourceGroupName: "adf",
  parentName: "adf-sales",
  name: "warehouse",
};

export const synapseTarget: TwoKeyTarget = {
  kind: "synapseIntegrationRuntime",
  ...ids(
    `/subscriptions/${subscriptionId}/resourceGroups/adf/providers/Microsoft.Synapse/workspaces/syn-research/integrationRuntimes/lab`,
  ),
  resourceGroupName: "adf",
  parentName: "syn-research",
  name: "lab",
};

const configuredAs =
  (name: string, target: Gateway["target"], secretName: string) =>
  (vaultUrl = "https://contoso-keys.vault.azure.net", terms: Partial<Gateway> = {}): Gateway => ({
    name,
    target,
    secret: { vaultUrl, secretName },
    ...terms,
  });

export const gateway = configuredAs("gatewaytest", gatewayTarget, "adf-gatewaytest-key");
export const runtime = configuredAs("warehouse", runtimeTarget, "adf-sales-warehouse");
export const synapseRuntime = configuredAs("lab", synapseTarget, "syn-research-lab");

/** Another version 1 gateway, with a secret of its name. */
export const namedGateway = (name: string, vaultUrl?: string, terms?: Partial<Gateway>): Gateway =>
  configuredAs(name, anotherTarget(name), name)(vaultUrl, terms);

function ids(resourceId: string) {
  return { resourceId, identity: resourceId.toLowerCase() as TargetIdentity, subscriptionId };
}
