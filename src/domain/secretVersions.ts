import type { SecretVersion } from "./secretStore.ts";

/** The secret that a run writes to check whether a vault accepts writes. It contains no key. */
export const preflightSecretName = "gateway-key-rotation-preflight";

const product = "gateway-key-rotation/";

/** The value of the tag `managed-by`: it names the deployment that wrote a version. */
export const managedBy = (deploymentName: string): string => `${product}${deploymentName}`;

/** Whether this system wrote the version, in any deployment. */
export const writtenByUs = (version: SecretVersion): boolean =>
  version.tags["managed-by"]?.startsWith(product) ?? false;

/**
 * Compares versions so that the newest comes first. Key Vault lists them by version id and has `created` in whole
 * seconds. Within one second our own `sequence` tag decides.
 */
export function newestFirst(a: SecretVersion, b: SecretVersion): number {
  const byTime = b.createdOn.getTime() - a.createdOn.getTime();
  return byTime !== 0 ? byTime : (sequenceOf(b) ?? 0) - (sequenceOf(a) ?? 0);
}

/** The version's number in its secret's history, from 1; undefined if the tag is missing or not a number. */
export function sequenceOf(version: SecretVersion): number | undefined {
  const tag = version.tags["sequence"];
  return tag !== undefined && /^[1-9]\d{0,14}$/.test(tag) ? Number(tag) : undefined;
}
