// What gateways.json holds, and what its resource ids say. test/infra/main/parameters.ts holds it against gateways.schema.json.

@export()
@sealed()
type gateway = {
  resourceId: string
  name: string?
  vaultUrl: string?
  secretName: string?
  rotateEveryDays: int?
  expireAfterDays: int?
  enabled: bool?
}

@export()
@sealed()
type gatewaysDocument = {
  '$schema': string?
  defaults: {
    vaultUrl: string?
    rotateEveryDays: int?
    expireAfterDays: int?
  }?
  gateways: gateway[]
}

@export()
@description('No network of its own: vault and storage are reached over their public endpoints, with tokens.')
type publicNetwork = {
  kind: 'public'
}

@export()
@description('A virtual network of its own, with private endpoints and their DNS zones.')
type newNetwork = {
  kind: 'new'

  @description('At least a /26, which is cut in two.')
  addressPrefix: string
}

@export()
@description('Subnets of a network that is there, with private endpoints in it.')
type existingNetwork = {
  kind: 'existing'

  @description('Delegated to Microsoft.App/environments, at least a /27, without underscore in its name.')
  functionSubnetId: string

  @description('Where the private endpoints get their addresses.')
  endpointSubnetId: string

  @description('The zones that the endpoints register themselves in. Without them, a policy of the platform must do it.')
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
  @description('Client id of the app registration that stands for the HTTP routes.')
  clientId: string

  @description('Value of the app role that an operator needs, such as Rotation.Operator.')
  @minLength(1)
  @maxLength(120)
  operatorRole: string

  @description('Client ids of the applications that may ask for a token and call. Default: the registration itself, and the Azure CLI.')
  allowedApplications: string[]?
}

@export()
type resourceTags = {
  *: string
}

@export()
@description('The sample names a subscription that nobody has: it gets no roles, and the app refuses to rotate it.')
func isRotated(gateway gateway) bool =>
  (gateway.?enabled ?? true) && subscriptionOf(gateway.resourceId) != '00000000-0000-0000-0000-000000000000'

@export()
func subscriptionOf(resourceId string) string => toLower(split(resourceId, '/')[2])

@export()
@description('Of a resource: its resource group, lower-cased, so that two spellings are one.')
func groupOf(resourceId string) string => toLower(join(take(split(resourceId, '/'), 5), '/'))

@export()
@description('Which of the custom roles a gateway takes.')
func kindOf(resourceId string) string =>
  toLower(split(resourceId, '/')[7]) == 'datafactories' ? 'gateway' : 'integrationRuntime'

@export()
func nameOf(resourceId string) string => toLower(last(split(resourceId, '/')))

@export()
@description('The vault in https://contoso-keys.vault.azure.net, or `otherwise` where no URL is given.')
func vaultNameOf(vaultUrl string?, otherwise string) string =>
  vaultUrl == null ? otherwise : toLower(split(split(vaultUrl!, '/')[2], '.')[0])
