import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import {
  type PredictedResource,
  type Snapshot,
  shareAnswers,
  snapshotBicep,
  snapshotParameters,
} from "../../support/bicep.ts";
import { infra } from "../folder.ts";

export const mainFile = path.join(infra, "main.bicep");

const elsewhere = "20000000-0000-4000-8000-000000000002";
const here = "10000000-0000-4000-8000-000000000001";

const inGroup = (subscription: string, group: string, rest: string) =>
  `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.${rest}`;
const dataFactory = (subscription: string, group: string, rest: string) =>
  inGroup(subscription, group, `DataFactory/${rest}`);

/** Two subscriptions, three resource groups, all kinds; one in another spelling, one disabled. */
export const gateways = [
  { resourceId: dataFactory(here, "adf", "datafactories/test/gateways/gatewaytest") },
  { resourceId: dataFactory(here, "ADF", "factories/adf-sales/integrationRuntimes/warehouse") },
  { resourceId: dataFactory(here, "research", "factories/adf-lab/integrationRuntimes/lab") },
  { resourceId: dataFactory(elsewhere, "adf", "factories/adf-far/integrationruntimes/far") },
  { resourceId: inGroup(elsewhere, "adf", "Synapse/workspaces/syn-far/integrationRuntimes/sea") },
  {
    resourceId: dataFactory(elsewhere, "adf", "datafactories/old/gateways/retired"),
    enabled: false,
  },
] as const;

export const rotatedIds = gateways
  .filter((gateway) => !("enabled" in gateway))
  .map(({ resourceId }) => resourceId.toLowerCase());

export const vaultAt = (subscription: string, group: string, name: string) =>
  `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${name}`;

/** What infra/main.bicep deploys for these gateways, with the given parameters instead of the defaults. */
export const deploy = shareAnswers(
  (parameters: Readonly<Record<string, unknown>>): Promise<Snapshot> =>
    snapshotBicep(mainFile, { rotationSchedule: "0 0 3 * * *", gateways: { gateways }, ...parameters }),
);

/** The same with the default parameters. */
export const deployByDefault = () => deploy({});

/** What infra/main.bicepparam deploys with the sample as gateways.json. */
export const deploySample = shareAnswers<void, Snapshot>(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "main-bicepparam-"));
  try {
    await cp(infra, path.join(folder, "infra"), { recursive: true });
    await cp(path.join(infra, "..", "gateways.sample.json"), path.join(folder, "gateways.json"));
    return await snapshotParameters(path.join(folder, "infra", "main.bicepparam"));
  } finally {
    await rm(folder, { recursive: true });
  }
});

export const ofType = ({ predictedResources }: Snapshot, type: string): readonly PredictedResource[] =>
  predictedResources.filter((resource) => resource.type === type);

/** The only resource of its type. */
export function theOne(snapshot: Snapshot, type: string): PredictedResource {
  const [resource, ...more] = ofType(snapshot, type);
  if (resource === undefined || more.length > 0) throw new Error(`${more.length + 1} of ${type}`);
  return resource;
}

/** Strict, because Flex Consumption refuses a deployment with most other properties (error 51021). */
const site = z.object({
  siteConfig: z.strictObject({
    minTlsVersion: z.literal("1.2"),
    scmMinTlsVersion: z.literal("1.2"),
    appSettings: z.array(z.object({ name: z.string(), value: z.string() })),
    // Flex Consumption supports inbound access restrictions.
    ipSecurityRestrictions: z.array(z.unknown()),
    ipSecurityRestrictionsDefaultAction: z.enum(["Allow", "Deny"]),
    scmIpSecurityRestrictionsUseMain: z.literal(false),
  }),
});

/** The deployed app settings, by name. */
export function appSettings(snapshot: Snapshot): ReadonlyMap<string, string> {
  const { siteConfig } = site.parse(theOne(snapshot, "Microsoft.Web/sites").properties);
  return new Map(siteConfig.appSettings.map(({ name, value }) => [name, value]));
}
