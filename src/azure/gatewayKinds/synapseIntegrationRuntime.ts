import type { Target } from "../../domain/target.ts";
import { bothKeys, describeRuntime, requestJson, usableKey } from "./kindRequests.ts";
import type { TwoKeyKindRequests } from "./requestsByKind.ts";

const apiVersion = "2021-06-01-preview";

const pathOf = ({ resourceId }: Target, operation = "") =>
  `${resourceId}${operation}?api-version=${apiVersion}`;

/**
 * A self-hosted integration runtime of a Synapse workspace. It has the same operations as a runtime of Data Factory, under
 * another resource provider, and keys in the same format, `IR@guid@…`.
 *
 * @see azure-rest-api-specs, `Microsoft.Synapse/preview/2021-06-01-preview/integrationRuntime.json`:
 * `IntegrationRuntimeAuthKeys_Regenerate`, `IntegrationRuntimeAuthKeys_List`, `IntegrationRuntimes_Get`.
 * `@azure/arm-synapse` 8.0.0 sends the same api-version
 */
export const synapseIntegrationRuntime: TwoKeyKindRequests = {
  apiVersion,

  async regenerate(terms, target, slot) {
    const path = pathOf(target, "/regenerateAuthKey");
    return usableKey(await requestJson(terms, "POST", path, { keyName: slot }), slot);
  },

  /** Resource Manager counts it as a write. */
  async listKeys(terms, target) {
    return bothKeys(await requestJson(terms, "POST", pathOf(target, "/listAuthKeys")));
  },

  get: (terms, target) => requestJson(terms, "GET", pathOf(target)),

  describe: describeRuntime,
};
