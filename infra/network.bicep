// The network that the app calls from, and the DNS zones that resolve the names of vault and storage in it.

import { existingNetwork, newNetwork, resourceTags } from 'types.bicep'

param location string
param tags resourceTags
param name string

@discriminator('kind')
param network newNetwork | existingNetwork

var isNew = network.kind == 'new'
// privatelink.vaultcore.azure.net, and its counterpart in other clouds.
var zoneNames = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
]

resource vnet 'Microsoft.Network/virtualNetworks@2025-05-01' = if (network.kind == 'new') {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        network.addressPrefix
      ]
    }
    subnets: [
      {
        name: 'snet-function'
        properties: {
          addressPrefix: cidrSubnet(network.addressPrefix, 27, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'snet-endpoints'
        properties: {
          addressPrefix: cidrSubnet(network.addressPrefix, 27, 1)
        }
      }
    ]
  }

  resource functionSubnet 'subnets' existing = {
    name: 'snet-function'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'snet-endpoints'
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zoneNames: if (isNew) {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zoneNames: if (isNew) {
    parent: zone[index]
    name: 'vnet-${name}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: vnet.id
      }
    }
  }
]

output functionSubnetId string = network.kind == 'new' ? vnet::functionSubnet.id : network.functionSubnetId
output endpointSubnetId string = network.kind == 'new' ? vnet::endpointSubnet.id : network.endpointSubnetId

@description('Empty if an existing network was given without DNS zones.')
output blobZoneId string = network.kind == 'new' ? zone[0].id : (network.?privateDnsZoneIds.?blob ?? '')
output vaultZoneId string = network.kind == 'new' ? zone[1].id : (network.?privateDnsZoneIds.?vault ?? '')
