import type { Failed, NotWritten } from "./attempt.ts";

/**
 * Texts in named blobs. Every write has a condition, so that only one of two runners succeeds. `now` is the time of the
 * storage service's clock, which all runners share: milliseconds since 1970, in whole seconds.
 */
export interface BlobStore {
  read(name: string): Promise<BlobRead>;
  write(name: string, text: string, condition: BlobCondition, metadata?: BlobMetadata): Promise<BlobWrite>;
  /** Adds to the end of an append blob, and creates the blob if it is missing. At most 4 MiB at once. */
  append(name: string, text: string): Promise<BlobAppend>;
  /** Removing a missing blob is not a failure. With an `etag`: removes the blob only if it still has that etag. */
  remove(name: string, etag?: string): Promise<BlobRemove>;
  /** Names and metadata of all blobs whose names begin with the prefix, in the order of their names. */
  list(prefix: string): Promise<BlobList>;
}

/** Names: letters, digits, underscore. Values: ASCII. */
export type BlobMetadata = Readonly<Record<string, string>>;

/** `absent`: only if there is no blob (`If-None-Match: *`). `unchanged`: only if it has that etag (`If-Match`). */
export type BlobCondition =
  | { readonly kind: "absent" }
  | { readonly kind: "unchanged"; readonly etag: string };

export type BlobRead =
  | { readonly kind: "none"; readonly now: number }
  | { readonly kind: "found"; readonly text: string; readonly etag: string; readonly now: number }
  | Failed;

/**
 * `conflict`: the condition did not hold, and this call wrote nothing. After a lost answer, a second call can get a
 * conflict because the first one did write: the caller reads the blob to find out.
 */
export type BlobWrite =
  | { readonly kind: "written"; readonly etag: string; readonly now: number }
  | { readonly kind: "conflict" }
  | NotWritten;

/** `unclear`: the text may have been added, so a second call may add it twice. */
export type BlobAppend = { readonly kind: "appended"; readonly now: number } | NotWritten;

export type BlobRemove =
  /** `changed`: the blob has another etag by now, and was not removed. */
  { readonly kind: "removed" | "changed" } | Failed;

export type BlobList =
  | {
      readonly kind: "listed";
      readonly blobs: readonly { readonly name: string; readonly metadata: BlobMetadata }[];
      readonly now: number;
    }
  | Failed;
