import type { SecretVersion } from "./secretStore.ts";

/**
 * Sorts versions, newest first. Key Vault lists them by version id and keeps `created` in whole seconds; within
 * one second our own `sequence` tag decides.
 */
export function newestFirst(a: SecretVersion, b: SecretVersion): number {
  const byTime = b.createdOn.getTime() - a.createdOn.getTime();
  return byTime !== 0 ? byTime : (sequenceOf(b) ?? 0) - (sequenceOf(a) ?? 0);
}

/** The version's number in its secret's history, from 1; undefined where the tag is missing or not a number. */
export function sequenceOf(version: SecretVersion): number | undefined {
  const tag = version.tags["sequence"];
  return tag !== undefined && /^[1-9]\d{0,14}$/.test(tag) ? Number(tag) : undefined;
}
