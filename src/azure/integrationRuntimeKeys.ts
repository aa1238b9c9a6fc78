import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { OperationOptions } from "@azure/core-client";
import type { AuthKeySlot, IntegrationRuntimeTarget, KeySlot } from "../domain/target.ts";

/**
 * Regenerates one of the two keys of a self-hosted integration runtime (Data Factory version 2). The answer
 * holds that key alone (azure-rest-api-specs, `IntegrationRuntimes_RegenerateAuthKey.json`); the other key
 * goes on working. Throws what the SDK throws on every status but 200.
 */
export async function regenerateAuthKey(
  client: DataFactoryManagementClient,
  target: IntegrationRuntimeTarget,
  slot: KeySlot,
  options: OperationOptions,
): Promise<unknown> {
  if (slot === "key")
    throw new TypeError("regenerateAuthKey: an integration runtime's keys are authKey1 and authKey2");
  const answer = await client.integrationRuntimes.regenerateAuthKey(
    target.resourceGroupName,
    target.factoryName,
    target.integrationRuntimeName,
    { keyName: slot },
    options,
  );
  return answer[slot];
}

/** Both keys that the service accepts now. Needs `listauthkeys/action`; counts as a write of the rate limit. */
export async function listAuthKeys(
  client: DataFactoryManagementClient,
  target: IntegrationRuntimeTarget,
  options: OperationOptions,
): Promise<Readonly<Record<AuthKeySlot, unknown>>> {
  const { authKey1, authKey2 } = await client.integrationRuntimes.listAuthKeys(
    target.resourceGroupName,
    target.factoryName,
    target.integrationRuntimeName,
    options,
  );
  return { authKey1, authKey2 };
}
