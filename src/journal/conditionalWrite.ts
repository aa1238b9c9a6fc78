import type { CallProblem, Failed } from "../domain/attempt.ts";
import type { BlobCondition, BlobMetadata, BlobRead, BlobStore } from "../domain/blobStore.ts";
import { type Clock, mostAttempts, retryTransient } from "../domain/clock.ts";

/** Storage, and the time limits of its calls. */
export interface StorageTerms {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** When the last call of a read or a write may begin, in milliseconds since 1970. */
  readonly lastStart: number;
  /** The longest that one call may take, in milliseconds. */
  readonly callTimeoutMs: number;
}

/**
 * - `written`: this text is in storage. `now` is storage's clock, `sentAt` our own when the call was sent, both in
 *   milliseconds since 1970.
 * - `lost`: another writer was faster; its text stays.
 * - `failed`: the text may be in storage or not.
 */
export type ConditionalWrite =
  | { readonly kind: "written"; readonly etag: string; readonly now: number; readonly sentAt: number }
  | { readonly kind: "lost" }
  | Failed;

/** A read, and when its call was sent, in milliseconds since 1970 by this process's clock. */
export type TimedRead = BlobRead & { readonly sentAt: number };

/** Reads a blob, and tries again while the problem is transient and there is time. */
export async function readBlob({ blobs, clock, lastStart }: StorageTerms, name: string): Promise<TimedRead> {
  let sentAt = clock.now();
  const read = (): Promise<BlobRead> => {
    sentAt = clock.now();
    return blobs.read(name);
  };
  const found = await retryTransient(read, { clock, lastStart });
  return { ...found, sentAt };
}

/**
 * Writes a blob on a condition. After a 412 or an unclear answer it reads the blob again. If the blob has the new text,
 * the write took effect: no two writers write the same text, since each puts ids of its own into it. If the blob has not
 * changed, it writes again. If the blob has any other text, another writer was faster.
 *
 * A write that begins after `lastStart` is still tried, for one call time-out at most: a key may wait for it.
 *
 * @param condition the state that the blob must have: absent, or unchanged since it was read
 */
export async function writeBlob(
  storage: StorageTerms,
  name: string,
  text: string,
  condition: BlobCondition,
  metadata: BlobMetadata = {},
): Promise<ConditionalWrite> {
  const { clock, lastStart, callTimeoutMs } = storage;
  const until = Math.max(lastStart, clock.now() + callTimeoutMs);
  let problem: CallProblem | undefined;
  for (let writes = 0; writes < mostAttempts; writes += 1) {
    const sentAt = clock.now();
    const written = await storage.blobs.write(name, text, condition, metadata);
    if (written.kind === "written") return { ...written, sentAt };
    if (written.kind === "refused" && !written.problem.transient)
      return { kind: "failed", problem: written.problem };
    if (written.kind !== "conflict") problem = written.problem;
    if (problem !== undefined && clock.now() >= until) return { kind: "failed", problem };
    const found = await readBlob(storage, name);
    if (found.kind === "failed") return found;
    if (found.kind === "found" && found.text === text) return { ...found, kind: "written" };
    const etag = found.kind === "found" ? found.etag : undefined;
    if (etag !== (condition.kind === "absent" ? undefined : condition.etag)) return { kind: "lost" };
  }
  return problem === undefined ? { kind: "lost" } : { kind: "failed", problem };
}
