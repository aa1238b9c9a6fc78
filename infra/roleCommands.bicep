// The commands to run if the deployment itself may not assign roles. test/infra/main/roles.ts compares them with the
// roles that the deployment would assign.

import { permissions, roleName } from 'permissions.bicep'

@export()
func createRole(deployment string, kind string, subscriptionId string) string =>
  'az role definition create --role-definition \'${string(roleOf(deployment, kind, subscriptionId))}\''

@description('A role definition in the form that az role definition create accepts.')
type role = {
  Name: string
  IsCustom: bool
  Description: string
  Actions: string[]
  DataActions: string[]
  AssignableScopes: string[]
}

func roleOf(deployment string, kind string, subscriptionId string) role => {
  Name: roleName(deployment, kind, subscriptionId)
  IsCustom: true
  Description: 'What gateway-key-rotation needs of ${permissions[kind].title}, and no more.'
  Actions: permissions[kind].actions
  DataActions: permissions[kind].dataActions
  AssignableScopes: ['/subscriptions/${subscriptionId}']
}

@export()
func assignGroupRole(groupId string, role string, scope string) string =>
  'az role assignment create --assignee-object-id ${groupId} --assignee-principal-type Group --role "${role}" --scope "${scope}"'

@export()
func assignRole(identityId string, role string, scope string) string =>
  'az role assignment create --assignee-object-id "$(az identity show --ids ${identityId} --query principalId --output tsv)" --assignee-principal-type ServicePrincipal --role "${role}" --scope "${scope}"'
