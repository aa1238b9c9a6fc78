import type { CallProblem } from "./attempt.ts";

/**
 * Small texts under names, written only on a condition: what two runners agree by. `now` is the storage
 * service's own clock in milliseconds since 1970 (whole seconds), which all runners share.
 */
export interface BlobStore {
  read(name: string): Promise<BlobRead>;
  write(name: string, text: string, condition: BlobCondition, metadata?: BlobMetadata): Promise<BlobWrite>;
  /** Adds to the end of an append blob, which is created if it is not there. At most 4 MiB at once. */
  append(name: string, text: string): Promise<BlobAppend>;
  /** Removing what is not there is no failure. With an `etag`: only that very one is removed, another one is left. */
  remove(name: string, etag?: string): Promise<BlobRemove>;
  /** Names and metadata of all blobs whose name begins so, in the order of their names. */
  list(prefix: string): Promise<BlobList>;
}

/** Names: letters, digits, underscore. Values: ASCII. */
export type BlobMetadata = Readonly<Record<string, string>>;

/** `absent`: only where there is no blob (`If-None-Match: *`). `unchanged`: only over that very one (`If-Match`). */
export type BlobCondition =
  | { readonly kind: "absent" }
  | { readonly kind: "unchanged"; readonly etag: string };

export type BlobRead =
  | { readonly kind: "none"; readonly now: number }
  | { readonly kind: "found"; readonly text: string; readonly etag: string; readonly now: number }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/**
 * - `conflict`: the condition did not hold; nothing was written by this call. (A retry of a call whose answer was
 *   lost can meet its own write so: read again to know.)
 * - `refused`: certainly not written. `unclear`: it may be, now or in a moment.
 */
export type BlobWrite =
  | { readonly kind: "written"; readonly etag: string; readonly now: number }
  | { readonly kind: "conflict" }
  | { readonly kind: "refused" | "unclear"; readonly problem: CallProblem };

/** `refused`: certainly not added. `unclear`: it may be, now or in a moment, once or twice. */
export type BlobAppend =
  | { readonly kind: "appended"; readonly now: number }
  | { readonly kind: "refused" | "unclear"; readonly problem: CallProblem };

export type BlobRemove =
  /** `changed`: it is another one by now, and was left. */
  { readonly kind: "removed" | "changed" } | { readonly kind: "failed"; readonly problem: CallProblem };

export type BlobList =
  | {
      readonly kind: "listed";
      readonly blobs: readonly { readonly name: string; readonly metadata: BlobMetadata }[];
      readonly now: number;
    }
  | { readonly kind: "failed"; readonly problem: CallProblem };
