targetScope = 'subscription'

import { permissions, roleGuid, roleName } from 'permissions.bicep'

@description('The deployment that the role is for.')
param deploymentName string

@description('A key of the variable `permissions`.')
param kind string

// One definition for each deployment and subscription. A shared definition would list all subscriptions as assignable, so
// each deployment would need rights in all of them at once. It could not be removed from a subscription that still has an
// assignment. And another deployment, of another version, could change it.
resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: roleGuid(deploymentName, kind, subscription().subscriptionId)
  properties: {
    roleName: roleName(deploymentName, kind, subscription().subscriptionId)
    description: 'What gateway-key-rotation needs of ${permissions[kind].title}, and no more.'
    type: 'CustomRole'
    permissions: [
      {
        actions: permissions[kind].actions
        notActions: []
        dataActions: permissions[kind].dataActions
        notDataActions: []
      }
    ]
    assignableScopes: [
      subscription().id
    ]
  }
}
