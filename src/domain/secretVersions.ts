import type { SecretVersion } from "./secretStore.ts";

/**
 * Sorts versions, newest first. Key Vault lists them by version id and keeps `created` in whole seconds, so
 * our own `sequence` tag goes first where both have one.
 */
export function newestFirst(a: SecretVersion, b: SecretVersion): number {
  const ofA = sequenceOf(a);
  const ofB = sequenceOf(b);
  if (ofA !== undefined && ofB !== undefined && ofA !== ofB) return ofB - ofA;
  return b.createdOn.getTime() - a.createdOn.getTime();
}

/** The version's number in its secret's history, from 1; undefined where the tag is missing or not a number. */
export function sequenceOf(version: SecretVersion): number | undefined {
  const tag = version.tags["sequence"];
  return tag !== undefined && /^[1-9]\d{0,14}$/.test(tag) ? Number(tag) : undefined;
}
