import type { Target } from "../../domain/target.ts";
import { bothKeys, describeRuntime, type TwoKeyKindRequests, usableKey } from "./kindRequests.ts";

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

  async regenerate({ integrationRuntimes }, target, slot, options) {
    if (slot === "key") throw new TypeError("An integration runtime's keys are authKey1 and authKey2");
    const names = namesOf(target);
    return usableKey(await integrationRuntimes.regenerateAuthKey(...names, { keyName: slot }, options), slot);
  },

  /** Resource Manager counts it as a write. */
  async listKeys({ integrationRuntimes }, target, options) {
    return bothKeys(await integrationRuntimes.listAuthKeys(...namesOf(target), options));
  },

  get: ({ integrationRuntimes }, target, options) => integrationRuntimes.get(...namesOf(target), options),

  describe: describeRuntime,
};
