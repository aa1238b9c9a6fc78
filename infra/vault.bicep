// The vault that stores the keys, and the log of every access to it.

import { resourceTags } from 'types.bicep'

param location string
param tags resourceTags

@maxLength(24)
param name string

@description('Recover a soft-deleted vault of this name, with its secrets. Purge protection reserves the name for 90 days.')
param recover bool

@description('Whether the vault is reached through private endpoints only.')
param isPrivate bool

@description('Public address ranges from which it is reached nevertheless.')
param operatorIpRanges string[]

@description('Lock it against deletion.')
param lock bool

param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    createMode: recover ? 'recover' : 'default'
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: isPrivate && empty(operatorIpRanges) ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      bypass: 'None'
      ipRules: [for range in isPrivate ? operatorIpRanges : []: { value: range }]
    }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

resource deletionLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: vault
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Only this vault holds its keys.'
  }
}

output id string = vault.id
