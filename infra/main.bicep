// Everything of gateway-key-rotation: the function app, its vault, storage and telemetry, and the roles that it needs.

import {
  gatewaysDocument
  groupOf
  isRotated
  kindOf
  nameOf
  networkType
  resourceTags
  signInType
  subscriptionOf
  vaultNameOf
} from 'types.bicep'
import { builtIn, roleGuid, roleName } from 'permissions.bicep'
import { assignGroupRole, assignRole, createRole } from 'roleCommands.bicep'

@description('Region of all deployed resources.')
param location string = resourceGroup().location

param tags resourceTags = {}

@description('Part of every resource\'s name, together with the Cloud Adoption Framework\'s abbreviation and a hash of resource group and region.')
@minLength(2)
@maxLength(12)
param name string = 'keyrotation'

@description('Content of gateways.json. The roles follow from it.')
param gateways gatewaysDocument

@description('When the gateways are rotated, in UTC: second, minute, hour, day, month, day of week. Required: a schedule that replaces keys has no default.')
@minLength(11)
param rotationSchedule string

@description('When unfinished rotations are resumed, in UTC.')
@minLength(11)
param resumeSchedule string = '0 */5 * * * *'

@description('Turn the schedule off, and leave it off over deployments: no tick rotates any gateway. Unfinished rotations are still resumed, and rotations over HTTP still work.')
param paused bool = false

@description('How many gateways of one subscription are rotated at the same time. The limit for all subscriptions together is eight times as many.')
@minValue(1)
@maxValue(64)
param rotationConcurrency int = 16

@description('Time-out of an invocation, in minutes.')
@minValue(8)
@maxValue(240)
param functionTimeoutMinutes int = 30

@description('Time-out of one call to Azure, in seconds. The time-out of an invocation must allow for 15 calls.')
@minValue(1)
@maxValue(120)
param callTimeoutSeconds int = 30

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Name of this deployment, written to every secret version. Keep it when you deploy again; otherwise the existing versions count as those of another deployment. Default: the function app\'s name.')
@maxLength(60)
param deploymentName string = ''

@description('Resource ids of existing vaults, in any resource group and subscription. The first is for every gateway without a vaultUrl. Empty: a new vault is created.')
param vaultIds string[] = []

@description('Recover the soft-deleted vault that has the new vault\'s name, with its secrets.')
param recoverVault bool = false

@description('Zone-redundant if the region has zones. No storage that replicates to another region is allowed: after a fail-over, a journal would be older than the keys.')
param storageSku 'Standard_LRS' | 'Standard_ZRS' = 'Standard_ZRS'

@description('Whether vault and storage are reached over the public network (with tokens) or through private endpoints.')
param network networkType = { kind: 'public' }

@description('Address ranges that may call the HTTP routes, such as 203.0.113.0/24. Empty: any address. The timers are not affected.')
param allowedIpRanges string[] = []

@description('With a private network: public address ranges from which operators reach vault and storage in an emergency. Empty: none do. Storage accepts no range smaller than a /30; write one or two addresses singly.')
param operatorIpRanges string[] = []

@description('Object id of a Microsoft Entra group of operators. It gets the rights that the pages of docs/runbook.md need. Empty: none.')
param operatorGroupId string = ''

@description('Lock the storage account and the new vault against deletion. The person who deploys needs the right to create locks.')
param lockResources bool = false

@description('Microsoft Entra sign-in in front of the HTTP routes, with the app role that an operator needs.')
param signIn signInType?

@description('How long logs and telemetry are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('E-mail addresses that receive the alerts.')
param alertEmails string[] = []

@description('URLs that receive the alerts by the common alert schema, each under a name: { teams: \'https://…\' }. Keep them out of files: who knows such a URL can post to it.')
@secure()
param alertWebhooks { *: string } = {}

@description('Resource ids of existing action groups that receive the alerts, such as those of a team on call. An action group that you attach to a rule by hand is gone after the next deployment.')
param actionGroupIds string[] = []

@description('URL of your copy of docs/runbook.md, in a repository or wiki that the operator on call can open.')
param runbookUrl string = 'docs/runbook.md'

@description('Whether to create and assign the roles. If the pipeline may not, set it to false and run the commands of the output roleCommands.')
param assignRoles bool = true

var timeout = '${padLeft(functionTimeoutMinutes / 60, 2, '0')}:${padLeft(functionTimeoutMinutes % 60, 2, '0')}:00'
// The region is part of every name. A group of the same name in another region would meet names that are still taken: role
// definitions' deployments keep their region for ever, a deleted workspace keeps its name for 14 days and a vault for 90.
var region = toLower(replace(location, ' ', ''))
#disable-next-line no-loc-expr-outside-params // Deployments to a subscription are placed in the group's region.
var token = take(uniqueString(resourceGroup().id, name, region, resourceGroup().location), 8)
var suffix = '${name}-${token}'
var appName = 'func-${suffix}'
var hasOperators = !empty(operatorGroupId)
var isPrivate = network.kind != 'public'
var names = {
  vault: 'kv-${suffix}'
  storage: toLower('st${replace(name, '-', '')}${token}')
  applicationInsights: 'appi-${suffix}'
}

var rotated = filter(gateways.gateways, gateway => isRotated(gateway))
var gatewayIds = map(rotated, gateway => toLower(gateway.resourceId))
var newVaultId = resourceId('Microsoft.KeyVault/vaults', names.vault)
var allVaultIds = empty(vaultIds) ? [newVaultId] : vaultIds
var defaultVaultUrl = 'https://${nameOf(allVaultIds[0])}${environment().suffixes.keyvaultDns}'

// A gateway whose vault is not in vaultIds would fail at every tick, so the deployment fails instead.
var vaultNames = map(allVaultIds, id => nameOf(id))
var namedVaults = map(rotated, gateway => vaultNameOf(gateway.?vaultUrl ?? gateways.?defaults.?vaultUrl, vaultNames[0]))
var unknownVaults = filter(union(namedVaults, []), vault => !contains(vaultNames, vault))
var roleVaultIds = empty(unknownVaults)
  ? allVaultIds
  : fail('gateways.json names the vault ${join(unknownVaults, ', ')}, which is not in vaultIds. Add its resource id to vaultIds, or remove vaultUrl from gateways.json to use the vault of this deployment.')

// 'subscription/kind' for each role definition, and the resource groups that have gateways.
var roles = union(
  map(gatewayIds, id => '${subscriptionOf(id)}/${kindOf(id)}'),
  map(roleVaultIds, id => '${subscriptionOf(id)}/vault'),
  hasOperators ? ['${subscription().subscriptionId}/operator'] : []
)
var gatewayGroups = union(map(gatewayIds, id => groupOf(id)), [])

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${suffix}'
  location: location
  tags: tags
}

module monitoring 'monitoring.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceName: 'log-${suffix}'
    applicationInsightsName: names.applicationInsights
    retentionInDays: logRetentionDays
  }
}

module storage 'storage.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.storage
    sku: storageSku
    isPrivate: isPrivate
    operatorIpRanges: operatorIpRanges
    lock: lockResources
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'vault.bicep' = if (empty(vaultIds)) {
  params: {
    location: location
    tags: tags
    name: names.vault
    recover: recoverVault
    isPrivate: isPrivate
    operatorIpRanges: operatorIpRanges
    lock: lockResources
    workspaceId: monitoring.outputs.workspaceId
  }
}

module privateNetwork 'network.bicep' = if (network.kind != 'public') {
  params: {
    location: location
    tags: tags
    name: suffix
    network: network
  }
}

module storageEndpoint 'privateEndpoint.bicep' = if (isPrivate) {
  params: {
    location: location
    tags: tags
    name: 'pep-${suffix}-blob'
    group: 'blob'
    resourceId: storage.outputs.id
    subnetId: privateNetwork!.outputs.endpointSubnetId
    zoneId: privateNetwork!.outputs.blobZoneId
  }
}

// An existing vault keeps its own endpoints.
module vaultEndpoint 'privateEndpoint.bicep' = if (isPrivate && empty(vaultIds)) {
  params: {
    location: location
    tags: tags
    name: 'pep-${suffix}-vault'
    group: 'vault'
    resourceId: vault!.outputs.id
    subnetId: privateNetwork!.outputs.endpointSubnetId
    zoneId: privateNetwork!.outputs.vaultZoneId
  }
}

module app 'functionApp.bicep' = {
  params: {
    location: location
    tags: tags
    name: appName
    planName: 'asp-${suffix}'
    identityId: identity.id
    packageContainerUrl: storage.outputs.packageContainerUrl
    instanceMemoryMB: instanceMemoryMB
    signIn: signIn
    allowedIpRanges: allowedIpRanges
    subnetId: isPrivate ? privateNetwork!.outputs.functionSubnetId : ''
    settings: [
      { name: 'ROTATION_SCHEDULE', value: rotationSchedule }
      { name: 'RESUME_SCHEDULE', value: resumeSchedule }
      { name: 'AzureWebJobs.rotateOnSchedule.Disabled', value: paused ? 'true' : 'false' }
      { name: 'ROTATION_CONCURRENCY', value: string(rotationConcurrency) }
      { name: 'CALL_TIMEOUT_SECONDS', value: string(callTimeoutSeconds) }
      { name: 'AzureFunctionsJobHost__functionTimeout', value: timeout }
      { name: 'DEPLOYMENT_NAME', value: empty(deploymentName) ? appName : deploymentName }
      { name: 'KEY_VAULT_URL', value: defaultVaultUrl }
      { name: 'RESOURCE_MANAGER_URL', value: environment().resourceManager }
      { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
      { name: 'AZURE_TOKEN_CREDENTIALS', value: 'ManagedIdentityCredential' }
      { name: 'AzureWebJobsStorage__blobServiceUri', value: storage.outputs.blobEndpoint }
      { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
      { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
      { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: monitoring.outputs.connectionString }
      {
        name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
        value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
      }
      { name: 'OPERATOR_ROLE', value: signIn.?operatorRole ?? '' }
    ]
  }
}

module alerts 'alerts.bicep' = {
  params: {
    location: location
    tags: tags
    namePrefix: suffix
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    emails: alertEmails
    webhooks: alertWebhooks
    actionGroupIds: actionGroupIds
    runbookUrl: runbookUrl
  }
}

module workbook 'workbook.bicep' = {
  params: {
    location: location
    tags: tags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
  }
}

module hostRoles 'hostRoles.bicep' = if (assignRoles) {
  params: {
    storageAccountName: storage.outputs.name
    applicationInsightsName: names.applicationInsights
    principalId: identity.properties.principalId
  }
}

// Modules that deploy to another scope have explicit names, since other deployments use the same scopes.

module roleDefinitions 'roleDefinition.bicep' = [
  for role in roles: if (assignRoles) {
    scope: subscription(split(role, '/')[0])
    name: '${suffix}-${split(role, '/')[1]}'
    params: {
      deploymentName: appName
      kind: split(role, '/')[1]
    }
  }
]

module gatewayRoles 'gatewayRoles.bicep' = [
  for group in gatewayGroups: if (assignRoles) {
    scope: resourceGroup(split(group, '/')[2], split(group, '/')[4])
    name: '${suffix}-gateways'
    params: {
      gatewayIds: filter(gatewayIds, id => groupOf(id) == group)
      deploymentName: appName
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [
      roleDefinitions
    ]
  }
]

module vaultRoles 'vaultRole.bicep' = [
  for id in roleVaultIds: if (assignRoles) {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    name: '${suffix}-${nameOf(id)}'
    params: {
      vaultName: nameOf(id)
      role: roleGuid(appName, 'vault', subscriptionOf(id))
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [
      roleDefinitions
      vault
    ]
  }
]

// What people need in an emergency, when the function itself does not help.

module operatorRoles 'operatorRoles.bicep' = if (assignRoles && hasOperators) {
  params: {
    functionAppName: appName
    storageAccountName: storage.outputs.name
    applicationInsightsName: names.applicationInsights
    deploymentName: appName
    groupId: operatorGroupId
  }
  dependsOn: [
    app
    roleDefinitions
  ]
}

module operatorGatewayRoles 'gatewayRoles.bicep' = [
  for group in gatewayGroups: if (assignRoles && hasOperators) {
    scope: resourceGroup(split(group, '/')[2], split(group, '/')[4])
    name: '${suffix}-gateways-operators'
    params: {
      gatewayIds: filter(gatewayIds, id => groupOf(id) == group)
      deploymentName: appName
      principalId: operatorGroupId
      principalType: 'Group'
    }
    dependsOn: [
      roleDefinitions
    ]
  }
]

module operatorVaultRoles 'vaultRole.bicep' = [
  for id in roleVaultIds: if (assignRoles && hasOperators) {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    name: '${suffix}-${nameOf(id)}-operators'
    params: {
      vaultName: nameOf(id)
      role: builtIn.keyVaultSecretsOfficer
      principalId: operatorGroupId
      principalType: 'Group'
    }
    dependsOn: [
      vault
    ]
  }
]

var operatorCommands = concat(
  [
    assignGroupRole(
      operatorGroupId,
      roleName(appName, 'operator', subscription().subscriptionId),
      resourceId('Microsoft.Web/sites', appName)
    )
    assignGroupRole(
      operatorGroupId,
      builtIn.storageBlobDataContributor,
      resourceId('Microsoft.Storage/storageAccounts', names.storage)
    )
    assignGroupRole(
      operatorGroupId,
      builtIn.monitoringReader,
      resourceId('Microsoft.Insights/components', names.applicationInsights)
    )
  ],
  map(gatewayIds, id => assignGroupRole(operatorGroupId, roleName(appName, kindOf(id), subscriptionOf(id)), id)),
  map(roleVaultIds, id => assignGroupRole(operatorGroupId, builtIn.keyVaultSecretsOfficer, id))
)

output functionAppName string = app.outputs.name
output identityPrincipalId string = identity.properties.principalId
output vaultUrl string = defaultVaultUrl

@description('Commands to run, in this order, if assignRoles is false.')
output roleCommands string[] = assignRoles
  ? []
  : concat(
      map(roles, role => createRole(appName, split(role, '/')[1], split(role, '/')[0])),
      [
        assignRole(
          identity.id,
          builtIn.storageBlobDataOwner,
          resourceId('Microsoft.Storage/storageAccounts', names.storage)
        )
        assignRole(
          identity.id,
          builtIn.monitoringMetricsPublisher,
          resourceId('Microsoft.Insights/components', names.applicationInsights)
        )
      ],
      map(gatewayIds, id => assignRole(identity.id, roleName(appName, kindOf(id), subscriptionOf(id)), id)),
      map(roleVaultIds, id => assignRole(identity.id, roleName(appName, 'vault', subscriptionOf(id)), id)),
      hasOperators ? operatorCommands : []
    )
