// The function app on Flex Consumption. The role modules grant its permissions.

import { resourceTags, signInType } from 'types.bicep'

param location string
param tags resourceTags
param name string
param planName string

@description('An empty value counts as not set.')
param settings { name: string, value: string }[]

param identityId string

@description('URL of the blob container that the package is deployed to.')
param packageContainerUrl string

param instanceMemoryMB int
param signIn signInType?

@description('Address ranges that may call the HTTP routes. Empty: any address.')
param allowedIpRanges string[]

@description('Empty: the app calls over the public network.')
param subnetId string

// The Azure CLI's own client id, the same in every tenant.
var azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'

var ipRules = [
  for (range, index) in allowedIpRanges: {
    name: 'allowed-${index}'
    action: 'Allow'
    priority: 100 + index
    ipAddress: contains(range, '/') ? range : '${range}/32'
  }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app for the service in azure.yaml by this tag.
  tags: union(tags, { 'azd-service-name': 'rotation' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Closes /admin, which sign-in does not guard: there the host's master key runs the timers. Emergencies have POST
    // /api/rotations, and people the same operations through Resource Manager.
    #disable-next-line BCP037 // Documented, but not in the compiler's types.
    functionsRuntimeAdminIsolationEnabled: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: {
        name: 'node'
        version: '24'
      }
      // siteUpdateStrategy stays Recreate: Microsoft does not recommend RollingUpdate, a preview, for production. What an
      // update ends, resumeRotations finishes.
      // The load is one timer at a time and a few HTTP requests: no instance is kept ready, and the plan's smallest maximum is enough.
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: 40
        alwaysReady: []
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
    }
    // Flex Consumption refuses most of the other properties, such as ftpsState (error 51021).
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      appSettings: settings
      // Only the routes: the zip is deployed to the other site, which accepts tokens only. Set in any case, since Azure keeps
      // what a deployment leaves out.
      ipSecurityRestrictions: ipRules
      ipSecurityRestrictionsDefaultAction: empty(allowedIpRanges) ? 'Allow' : 'Deny'
      scmIpSecurityRestrictionsUseMain: false
    }
  }

  // Deployment accepts tokens only, no passwords.
  resource ftpPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scmPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }

  resource authentication 'config' = if (signIn != null) {
    name: 'authsettingsV2'
    properties: {
      platform: {
        enabled: true
      }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
        // The status page holds no data: it asks for a token, and calls the other routes with it.
        excludedPaths: ['/api/status']
      }
      httpSettings: {
        requireHttps: true
      }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: signIn!.clientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          validation: {
            allowedAudiences: [
              'api://${signIn!.clientId}'
              signIn!.clientId
            ]
            defaultAuthorizationPolicy: {
              // Without this list, every caller is refused.
              allowedApplications: signIn.?allowedApplications ?? [signIn!.clientId, azureCli]
            }
          }
        }
      }
      login: {
        tokenStore: {
          enabled: false
        }
      }
    }
  }
}

output name string = app.name
output id string = app.id
output hostName string = app.properties.defaultHostName
