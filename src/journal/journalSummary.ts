import type { Failed, KeyWorks } from "../domain/attempt.ts";
import type { BlobMetadata } from "../domain/blobStore.ts";
import { dayMs } from "../domain/rotationWindow.ts";
import { type Gateway, hasOneKey, hasTwoKeys } from "../domain/target.ts";
import type { StorageTerms } from "./conditionalWrite.ts";
import { type Journal, keyWorks, type LastFailure, lastFailure, type SeenHost, seenHost } from "./journal.ts";

/**
 * The summary of a journal. The metadata of the journal's blob holds it, so that one list call returns the summaries of
 * 5,000 gateways. Times are milliseconds since 1970 by storage's clock.
 */
export interface JournalSummary {
  /** The run that the open rotation belongs to; undefined: no rotation is open. */
  readonly openFor: string | undefined;
  /** When the verification is due; undefined: none is. */
  readonly verifyAt: number | undefined;
  /** The run that published the commit; undefined: the journal names none. */
  readonly verifyFor: string | undefined;
  /** When the last rotation was committed; undefined: never. */
  readonly rotatedAt: number | undefined;
  /** Undefined: never rotated, or due with every tick. */
  readonly dueAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** The version of the last commit. */
  readonly secretVersion: string | undefined;
  readonly keyWorks: KeyWorks;
  readonly failure: LastFailure | undefined;
  /** The last known status of the gateway's host since the last rotation. */
  readonly host: SeenHost | undefined;
  /** When the host's status is due to be read; undefined: not before the next rotation. */
  readonly hostCheckAt: number | undefined;
}

const hourMs = 3_600_000;

/** When a gateway that was rotated at `rotatedAt` is due again; undefined: with every tick. */
export const dueAfter = ({ rotateEveryDays }: Gateway, rotatedAt: Date): Date | undefined =>
  rotateEveryDays === undefined ? undefined : new Date(rotatedAt.getTime() + rotateEveryDays * dayMs);

/**
 * Whether the published key works, as far as the journal shows. Pure. While an attempt may have replaced the only key of
 * a gateway, that key is in doubt. An attempt on a two-key gateway does not touch the published key.
 */
export function keyWorksBy(
  { target }: Gateway,
  { commit, verification, intent, failure }: Journal,
): KeyWorks {
  const inDoubt = intent?.attempts.some(({ known }) => known !== "unchanged") === true;
  const isDoubtful = commit === null || verification?.suspect === true || (inDoubt && !hasTwoKeys(target));
  return worst(isDoubtful ? "unknown" : true, failure?.keyWorks ?? true);
}

/** As {@link keyWorksBy}, where the vault was not read: a late write may have put a dead key over the published one. */
export const keyWorksUnread = (gateway: Gateway, journal: Journal): KeyWorks =>
  worst(keyWorksBy(gateway, journal), journal.verification?.mayBeOverwritten === true ? "unknown" : true);

/** Combines two findings about one key: it is dead if either is `false`, and works only if both are `true`. */
export const worst = (a: KeyWorks, b: KeyWorks): KeyWorks =>
  a === false || b === false ? false : a === "unknown" || b === "unknown" ? "unknown" : true;

/**
 * When the status of a one-key gateway's host is due to be read, in milliseconds since 1970 by storage's clock. The first
 * read comes with the commit's verification, the next ones hourly until the host has registered, for two days. Pure.
 *
 * @returns undefined: not before the next rotation
 */
export function hostCheckAt({ target }: Gateway, journal: Journal): number | undefined {
  const { commit, verification, intent, host } = journal;
  if (!hasOneKey(target) || commit === null || intent !== null) return undefined;
  if (host === null) return verification?.at ?? commit.at;
  const at = host.checkedAt + hourMs;
  return host.seen?.sinceRotation === true || at > commit.at + 2 * dayMs ? undefined : at;
}

/** The run that published the committed version; undefined: there is none, or the journal was rebuilt. */
export const publisherOf = ({ commit, slots }: Journal): string | undefined =>
  commit === null ? undefined : slots[commit.slot]?.runId;

/** The summary as metadata: a field that is undefined is left out. */
export function summaryOf(gateway: Gateway, journal: Journal): BlobMetadata {
  const { commit, verification, intent, failure, host } = journal;
  const { expireAfterDays } = gateway;
  const texts = failure && { message: shortened(failure.message), nextAction: shortened(failure.nextAction) };
  const facts = {
    open_for: intent?.runId,
    verify_at: verification?.at,
    verify_for: verification === null ? undefined : publisherOf(journal),
    rotated_at: commit?.at,
    due_at: commit === null ? undefined : dueAfter(gateway, new Date(commit.at))?.getTime(),
    expires_at: commit === null || !expireAfterDays ? undefined : commit.at + expireAfterDays * dayMs,
    secret_version: commit?.version,
    key_works: keyWorksUnread(gateway, journal),
    failure: failure === null ? undefined : inAscii({ ...failure, ...texts }),
    host: host?.seen == null ? undefined : inAscii(host.seen),
    host_check_at: hostCheckAt(gateway, journal),
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/** Metadata travels in HTTP headers, which are ASCII. */
const inAscii = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

/** Storage accepts 8 KB of metadata, names included. A failure has two texts; all else in a summary is shorter than 2 KB. */
const longestText = 2400;

/** Cuts a text that the metadata has no room for. */
function shortened(text: string): string {
  let kept = text;
  while (inAscii(kept).length > longestText) kept = kept.slice(0, -Math.ceil(kept.length / 20));
  return kept;
}

/** `now` is storage's clock, in milliseconds since 1970. */
export type ReadSummaries =
  | {
      readonly kind: "read";
      /** By the journal's name. */
      readonly summaries: ReadonlyMap<string, JournalSummary>;
      readonly now: number;
    }
  | Failed;

/** Lists all journals, including those of gateways that are not configured. */
export async function readSummaries({ blobs }: StorageTerms): Promise<ReadSummaries> {
  const listed = await blobs.list("gateways/");
  if (listed.kind === "failed") return listed;
  const summaries = new Map(listed.blobs.map(({ name, metadata }) => [name, parse(metadata)]));
  return { kind: "read", summaries, now: listed.now };
}

function parse(metadata: BlobMetadata): JournalSummary {
  const time = (name: string) => (metadata[name] === undefined ? undefined : Number(metadata[name]));
  return {
    openFor: metadata["open_for"],
    verifyAt: time("verify_at"),
    verifyFor: metadata["verify_for"],
    rotatedAt: time("rotated_at"),
    dueAt: time("due_at"),
    expiresAt: time("expires_at"),
    secretVersion: metadata["secret_version"],
    keyWorks: parsed(keyWorks, metadata["key_works"]) ?? "unknown",
    failure: parsed(lastFailure, metadata["failure"]),
    host: parsed(seenHost, metadata["host"]),
    hostCheckAt: time("host_check_at"),
  };
}

function parsed<T>(schema: { parse(value: unknown): T }, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(decodeURIComponent(text)));
  } catch {
    return undefined;
  }
}
