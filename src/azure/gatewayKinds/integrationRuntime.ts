import type { Target } from "../../domain/target.ts";
import { bothKeys, describeRuntime, usableKey } from "./kindRequests.ts";
import type { TwoKeyKindRequests } from "./requestsByKind.ts";

const namesOf = ({ resourceGroupName, parentName, name }: Target) =>
  [resourceGroupName, parentName, name] as const;

/**
 * A self-hosted integration runtime of Data Factory version 2. Its keys have the format `IR@guid@…`.
 *
 * @see azure-rest-api-specs, `IntegrationRuntimes_RegenerateAuthKey.json`: the answer has the regenerated key only,
 * and the other key stays valid
 */
export const integrationRuntime: TwoKeyKindRequests = {
  apiVersion: "2018-06-01",

  async regenerate({ client, options }, target, slot) {
    const { integrationRuntimes } = client;
    const terms = { keyName: slot };
    return usableKey(await integrationRuntimes.regenerateAuthKey(...namesOf(target), terms, options), slot);
  },

  /** Resource Manager counts it as a write. */
  async listKeys({ client, options }, target) {
    return bothKeys(await client.integrationRuntimes.listAuthKeys(...namesOf(target), options));
  },

  get: ({ client, options }, target) => client.integrationRuntimes.get(...namesOf(target), options),

  describe: describeRuntime,
};
