import type { CallProblem } from "../domain/attempt.ts";
import type { BlobMetadata } from "../domain/blobStore.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "./conditionalWrite.ts";
import type { Journal } from "./journal.ts";

/**
 * What a journal says of its gateway, in its blob's metadata: one list tells it of 5,000 gateways. Times are
 * milliseconds since 1970 by storage's clock.
 */
export interface JournalSummary {
  /** A rotation is under way. */
  readonly unfinished: boolean;
  readonly rotatedAt: number | undefined;
  /** Undefined: never rotated, or due with every tick. */
  readonly dueAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** The version that was committed last. */
  readonly secretVersion: string | undefined;
}

const dayMs = 86_400_000;

export function summaryOf(
  { rotateEveryDays, expireAfterDays }: Gateway,
  { commit, intent }: Journal,
): BlobMetadata {
  const after = (days: number | undefined) =>
    commit === null || days === undefined ? undefined : String(commit.at + days * dayMs);
  const facts = {
    unfinished: intent === null ? undefined : "1",
    rotated_at: commit === null ? undefined : String(commit.at),
    due_at: after(rotateEveryDays),
    expires_at: after(expireAfterDays),
    secret_version: commit?.version,
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export type ReadSummaries =
  | {
      readonly kind: "read";
      /** By the journal's name. */
      readonly summaries: ReadonlyMap<string, JournalSummary>;
      readonly now: number;
    }
  | { readonly kind: "failed"; readonly problem: CallProblem };

export async function readSummaries({ blobs }: StorageTerms): Promise<ReadSummaries> {
  const listed = await blobs.list("gateways/");
  if (listed.kind === "failed") return listed;
  const summaries = new Map(listed.blobs.map(({ name, metadata }) => [name, parse(metadata)]));
  return { kind: "read", summaries, now: listed.now };
}

function parse(metadata: BlobMetadata): JournalSummary {
  const time = (name: string) => (metadata[name] === undefined ? undefined : Number(metadata[name]));
  return {
    unfinished: metadata["unfinished"] !== undefined,
    rotatedAt: time("rotated_at"),
    dueAt: time("due_at"),
    expiresAt: time("expires_at"),
    secretVersion: metadata["secret_version"],
  };
}
