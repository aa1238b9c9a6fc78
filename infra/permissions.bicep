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
  // Of people, not of the function: what docs/runbook.md does with the app. No role of Azure has only these.
  operator: {
    title: 'operators of function apps'
    actions: [
      'Microsoft.Web/sites/read'
      'Microsoft.Web/sites/host/listkeys/action'
      'Microsoft.Web/sites/restart/action'
      'Microsoft.Web/sites/start/action'
      'Microsoft.Web/sites/stop/action'
    ]
    dataActions: []
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
  // For operators: to read runs and journals, and to delete a journal that cannot be read.
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  // For operators: the workbook, the alerts and the log.
  monitoringReader: '43d0d8ad-25c7-4714-9337-8ba259a9fe05'
  // For operators: to store a key by hand, and to recover or restore a secret.
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
}
