// The types of gateways.json, and the parts of a resource id. test/infra/main/parameters.ts compares the types with
// gateways.schema.json.

@sealed()
type window = {
  days: string[]?
  from: string?
  to: string?
  timeZone: string?
}

@export()
@sealed()
type gateway = {
  resourceId: string
  name: string?
  vaultUrl: string?
  secretName: string?
  rotateEveryDays: int?
  verifyEveryDays: int?
  expireAfterDays: int?
  window: window?
  enabled: bool?
}

@export()
@sealed()
type gatewaysDocument = {
  '$schema': string?
  defaults: {
    vaultUrl: string?
    rotateEveryDays: int?
    verifyEveryDays: int?
    expireAfterDays: int?
    window: window?
  }?
  gateways: gateway[]
}

@export()
@description('No private network: vault and storage are reached over their public endpoints, with tokens.')
type publicNetwork = {
  kind: 'public'
}

@export()
@description('A new virtual network, with private endpoints and their DNS zones.')
type newNetwork = {
  kind: 'new'

  @description('At least a /26; it is divided into two subnets.')
  addressPrefix: string
}

@export()
@description('Subnets of an existing network, in which the private endpoints are created.')
type existingNetwork = {
  kind: 'existing'

  @description('A subnet that is delegated to Microsoft.App/environments, at least a /27, without an underscore in its name.')
  functionSubnetId: string

  @description('The subnet from which the private endpoints get their addresses.')
  endpointSubnetId: string

  @description('The DNS zones in which the endpoints are registered. Without them, a policy of your platform must register them.')
  privateDnsZoneIds: {
    blob: string
    vault: string
  }?
}

@export()
@discriminator('kind')
type networkType = publicNetwork | newNetwork | existingNetwork

@export()
type signInType = {
  @description('Client id of the app registration for the HTTP routes.')
  clientId: string

  @description('Value of the app role that an operator needs, such as Rotation.Operator.')
  @minLength(1)
  @maxLength(120)
  operatorRole: string

  @description('Client ids of the applications that may obtain a token and call the routes. Default: the registration itself, and the Azure CLI.')
  allowedApplications: string[]?
}

@export()
type resourceTags = {
  *: string
}

@export()
@description('False for disabled gateways, and for those of the sample: its subscription does not exist, so they get no roles and the app refuses to rotate them.')
func isRotated(gateway gateway) bool =>
  (gateway.?enabled ?? true) && subscriptionOf(gateway.resourceId) != '00000000-0000-0000-0000-000000000000'

@export()
func subscriptionOf(resourceId string) string => toLower(split(resourceId, '/')[2])

@export()
@description('The resource group of a resource, in lower case, so that two spellings are one.')
func groupOf(resourceId string) string => toLower(join(take(split(resourceId, '/'), 5), '/'))

@export()
@description('The custom role that a gateway needs.')
func kindOf(resourceId string) string =>
  roleOfType[toLower(split(resourceId, '/')[7])]

// By the type of the resource that the gateway belongs to.
var roleOfType = {
  datafactories: 'gateway'
  factories: 'integrationRuntime'
  workspaces: 'synapseIntegrationRuntime'
}

@export()
func nameOf(resourceId string) string => toLower(last(split(resourceId, '/')))

@export()
@description('The vault in https://contoso-keys.vault.azure.net, or `otherwise` where no URL is given.')
func vaultNameOf(vaultUrl string?, otherwise string) string =>
  vaultUrl == null ? otherwise : toLower(split(split(vaultUrl!, '/')[2], '.')[0])
