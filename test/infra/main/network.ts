import { beforeAll, expect, test } from "vitest";
import { describeBicep, type Snapshot } from "../../support/bicep.ts";
import { deploy, deployByDefault, ofType, theOne } from "./deployment.ts";

let byDefault: Snapshot;
let secluded: Snapshot;

const operatorIpRanges = ["203.0.113.7", "198.51.100.0/24"];
const network = { kind: "new", addressPrefix: "10.20.0.0/26" };

/** Without a private network, the app has no other way to vault and storage. */
const reachable = {
  publicNetworkAccess: "Enabled",
  networkAcls: { defaultAction: "Allow", bypass: "None", ipRules: [] },
};

const endpointTo = (resourceId: string, group: string, subnetId: string) => ({
  subnet: { id: subnetId },
  privateLinkServiceConnections: [{ properties: { privateLinkServiceId: resourceId, groupIds: [group] } }],
});

const zoneOf = (group: string, zone: string) => ({
  properties: {
    privateDnsZoneConfigs: [
      {
        name: group,
        properties: {
          privateDnsZoneId: expect.stringContaining(`Microsoft.Network/privateDnsZones', ${zone})]`),
        },
      },
    ],
  },
});

describeBicep("the network", () => {
  beforeAll(async () => {
    byDefault = await deployByDefault();
    secluded = await deploy({ network });
  });

  test("address ranges for the routes → all others are refused; deploying the zip is not affected", async () => {
    expect(theOne(byDefault, "Microsoft.Web/sites").properties).toMatchObject({
      siteConfig: { ipSecurityRestrictions: [], ipSecurityRestrictionsDefaultAction: "Allow" },
    });
    const guarded = await deploy({ allowedIpRanges: ["203.0.113.0/24", "198.51.100.7"] });
    const rule = { action: "Allow" };
    expect(theOne(guarded, "Microsoft.Web/sites").properties).toMatchObject({
      siteConfig: {
        ipSecurityRestrictions: [
          { ...rule, name: "allowed-0", priority: 100, ipAddress: "203.0.113.0/24" },
          { ...rule, name: "allowed-1", priority: 101, ipAddress: "198.51.100.7/32" },
        ],
        ipSecurityRestrictionsDefaultAction: "Deny",
        scmIpSecurityRestrictionsUseMain: false,
      },
    });
  });

  test("a private network with a way in → vault and storage answer these addresses, and no other", async () => {
    const open = await deploy({ network, operatorIpRanges });
    const guarded = (ipRules: unknown) => ({
      publicNetworkAccess: "Enabled",
      networkAcls: { defaultAction: "Deny", bypass: "None", ipRules },
    });
    expect(theOne(open, "Microsoft.KeyVault/vaults").properties).toMatchObject(
      guarded(operatorIpRanges.map((value) => ({ value }))),
    );
    expect(theOne(open, "Microsoft.Storage/storageAccounts").properties).toMatchObject(
      guarded(operatorIpRanges.map((value) => ({ value, action: "Allow" }))),
    );
  });

  test("no private network → vault and storage are reachable, whatever the operators' addresses", async () => {
    for (const open of [byDefault, await deploy({ operatorIpRanges })])
      for (const type of ["Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"])
        expect(theOne(open, type).properties).toMatchObject(reachable);
  });

  test("a new network → vault and storage are closed, and their private endpoints have DNS names", () => {
    const closed = {
      publicNetworkAccess: "Disabled",
      networkAcls: { defaultAction: "Deny", bypass: "None", ipRules: [] },
    };
    const vault = theOne(secluded, "Microsoft.KeyVault/vaults");
    const account = theOne(secluded, "Microsoft.Storage/storageAccounts");
    for (const { properties } of [vault, account]) expect(properties).toMatchObject(closed);

    const vnet = theOne(secluded, "Microsoft.Network/virtualNetworks");
    expect(vnet.properties["subnets"]).toMatchObject([
      {
        properties: {
          addressPrefix: "10.20.0.0/27",
          delegations: [{ properties: { serviceName: "Microsoft.App/environments" } }],
        },
      },
      { properties: { addressPrefix: "10.20.0.32/27" } },
    ]);
    expect(theOne(secluded, "Microsoft.Web/sites").properties).toMatchObject({
      virtualNetworkSubnetId: `${vnet.id}/subnets/snet-function`,
    });
    const endpoints = ofType(secluded, "Microsoft.Network/privateEndpoints").map(
      ({ properties }) => properties,
    );
    expect(endpoints).toMatchObject([
      endpointTo(account.id, "blob", `${vnet.id}/subnets/snet-endpoints`),
      endpointTo(vault.id, "vault", `${vnet.id}/subnets/snet-endpoints`),
    ]);
    const blobZone = "format('privatelink.blob.{0}', environment().suffixes.storage)";
    const vaultZone =
      "format('privatelink{0}', replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.'))";
    const zoneGroups = ofType(secluded, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups");
    expect(zoneGroups).toMatchObject([zoneOf("blob", blobZone), zoneOf("vault", vaultZone)]);
    const links = ofType(secluded, "Microsoft.Network/privateDnsZones/virtualNetworkLinks");
    expect(links.map(({ name, properties }) => [name, properties["virtualNetwork"]])).toEqual(
      [blobZone, vaultZone].map((zone) => [`[format('{0}/{1}', ${zone}, '${vnet.name}')]`, { id: vnet.id }]),
    );
  });

  test("existing subnets without DNS zones → endpoints in them, no network and no zone", async () => {
    const vnet =
      "/subscriptions/20000000-0000-4000-8000-000000000002/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/hub";
    const [functionSubnetId, endpointSubnetId] = [`${vnet}/subnets/function`, `${vnet}/subnets/endpoints`];
    const existing = await deploy({ network: { kind: "existing", functionSubnetId, endpointSubnetId } });

    const network = existing.predictedResources.filter(({ type }) => type.startsWith("Microsoft.Network/"));
    expect(network.map(({ type }) => type)).toEqual([
      "Microsoft.Network/privateEndpoints",
      "Microsoft.Network/privateEndpoints",
    ]);
    for (const { properties } of network)
      expect(properties).toMatchObject({ subnet: { id: endpointSubnetId } });
    expect(theOne(existing, "Microsoft.Web/sites").properties["virtualNetworkSubnetId"]).toBe(
      functionSubnetId,
    );
  });
});
