// All that the custom roles permit. docs/security.md tells for each line which call needs it.

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
@description('A role definition by subscription and deployment. Names are unique in a tenant.')
func roleName(deployment string, kind string, subscriptionId string) string =>
  'Gateway key rotation: ${permissions[kind].title} (${deployment}, ${subscriptionId})'

@export()
@description('The last segment of a role definition\'s id.')
func roleGuid(deployment string, kind string, subscriptionId string) string => guid(subscriptionId, deployment, kind)

@export()
@description('Built-in roles, each the narrowest that Microsoft documents for its use.')
var builtIn = {
  // What the Functions host needs of AzureWebJobsStorage: leases, keys, creating containers. Also the journals.
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  // Ingestion where local authentication is off.
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}
