// The roles of the identity, or of the operators, on the gateways of one resource group, each assigned on the gateway itself.

import { kindOf, nameOf } from 'types.bicep'
import { roleGuid } from 'permissions.bicep'

param gatewayIds string[]
param deploymentName string

@description('Object id of the identity or the group. It is part of the assignments\' names: a recreated identity gets new assignments, because Azure does not allow the principal of an assignment to change.')
param principalId string

param principalType 'ServicePrincipal' | 'Group'

var gateways = filter(gatewayIds, id => kindOf(id) == 'gateway')
var runtimes = filter(gatewayIds, id => kindOf(id) == 'integrationRuntime')
var synapseRuntimes = filter(gatewayIds, id => kindOf(id) == 'synapseIntegrationRuntime')

#disable-next-line BCP081 // The compiler has no types for Data Factory version 1.
resource dataFactory 'Microsoft.DataFactory/datafactories@2015-10-01' existing = [
  for id in gateways: {
    name: split(id, '/')[8]
  }
]

#disable-next-line BCP081 // As above.
resource gateway 'Microsoft.DataFactory/datafactories/gateways@2015-10-01' existing = [
  for (id, index) in gateways: {
    parent: dataFactory[index]
    name: nameOf(id)
  }
]

resource gatewayRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (id, index) in gateways: {
    scope: gateway[index]
    name: guid(id, principalId)
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleGuid(deploymentName, 'gateway', subscription().subscriptionId)
      )
    }
  }
]

resource factory 'Microsoft.DataFactory/factories@2018-06-01' existing = [
  for id in runtimes: {
    name: split(id, '/')[8]
  }
]

resource integrationRuntime 'Microsoft.DataFactory/factories/integrationRuntimes@2018-06-01' existing = [
  for (id, index) in runtimes: {
    parent: factory[index]
    name: nameOf(id)
  }
]

resource integrationRuntimeRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (id, index) in runtimes: {
    scope: integrationRuntime[index]
    name: guid(id, principalId)
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleGuid(deploymentName, 'integrationRuntime', subscription().subscriptionId)
      )
    }
  }
]

resource workspace 'Microsoft.Synapse/workspaces@2021-06-01' existing = [
  for id in synapseRuntimes: {
    name: split(id, '/')[8]
  }
]

resource synapseRuntime 'Microsoft.Synapse/workspaces/integrationRuntimes@2021-06-01' existing = [
  for (id, index) in synapseRuntimes: {
    parent: workspace[index]
    name: nameOf(id)
  }
]

resource synapseRuntimeRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (id, index) in synapseRuntimes: {
    scope: synapseRuntime[index]
    name: guid(id, principalId)
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleGuid(deploymentName, 'synapseIntegrationRuntime', subscription().subscriptionId)
      )
    }
  }
]
