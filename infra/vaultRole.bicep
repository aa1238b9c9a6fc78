// The role of the identity, or of the operators, on one vault.

param vaultName string

@description('The last segment of the role definition\'s id.')
param role string

param principalId string
param principalType 'ServicePrincipal' | 'Group'

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId)
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}
