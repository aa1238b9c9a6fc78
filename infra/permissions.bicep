// All permissions of the custom roles. docs/security.md says for each line which call needs it.

@export()
var permissions = {
  gateway: {
    title: 'version 1 gateways'
    actions: [
      'Microsoft.Authorization/permissions/read'
      'Microsoft.DataFactory/datafactories/gateways/read'
      // The one wildcard: Azure's list of operations does not name regeneratekey.
      'Microsoft.DataFactory/datafactories/gateways/*/action'
    ]
    dataActions: []
  }
  integrationRuntime: {
    title: 'integration runtimes'
    actions: [
      'Microsoft.Authorization/permissions/read'
      'Microsoft.DataFactory/factories/integrationruntimes/read'
      'Microsoft.DataFactory/factories/integrationruntimes/listauthkeys/action'
      'Microsoft.DataFactory/factories/integrationruntimes/regenerateauthkey/action'
    ]
    dataActions: []
  }
  synapseIntegrationRuntime: {
    title: 'Synapse integration runtimes'
    actions: [
      'Microsoft.Authorization/permissions/read'
      'Microsoft.Synapse/workspaces/integrationRuntimes/read'
      'Microsoft.Synapse/workspaces/integrationRuntimes/listAuthKeys/action'
      'Microsoft.Synapse/workspaces/integrationRuntimes/regenerateAuthKey/action'
    ]
    dataActions: []
  }
  vault: {
    title: 'vaults'
    actions: []
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action'
      'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
      'Microsoft.KeyVault/vaults/secrets/setSecret/action'
    ]
  }
}

@export()
@description('The name of a role definition. Names are unique in a tenant, so it includes subscription and deployment.')
func roleName(deployment string, kind string, subscriptionId string) string =>
  'Gateway key rotation: ${permissions[kind].title} (${deployment}, ${subscriptionId})'

@export()
@description('The last segment of a role definition\'s id.')
func roleGuid(deployment string, kind string, subscriptionId string) string => guid(subscriptionId, deployment, kind)

@export()
@description('Built-in roles, each the narrowest that Microsoft documents for its use.')
var builtIn = {
  // For the Functions host on AzureWebJobsStorage: leases, keys, new containers. Also for the journals.
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  // For telemetry while local authentication is off.
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}
