import { runtimeRequests } from "./kindRequests.ts";

/**
 * A self-hosted integration runtime of a Synapse workspace.
 *
 * @see azure-rest-api-specs, `Microsoft.Synapse/preview/2021-06-01-preview/integrationRuntime.json`:
 * `IntegrationRuntimeAuthKeys_Regenerate`, `IntegrationRuntimeAuthKeys_List`, `IntegrationRuntimes_Get`.
 * `@azure/arm-synapse` 8.0.0 sends the same api-version
 */
export const synapseIntegrationRuntime = runtimeRequests("2021-06-01-preview");
