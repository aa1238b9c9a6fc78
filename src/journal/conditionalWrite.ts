import type { CallProblem } from "../domain/attempt.ts";
import type { BlobCondition, BlobMetadata, BlobRead, BlobStore } from "../domain/blobStore.ts";
import type { Clock } from "../domain/clock.ts";
import { problemOfRead, retryTransient } from "../domain/retry.ts";

/** Storage, and how long its outages are waited for. */
export interface StorageTerms {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** When the last attempt to read may begin, in milliseconds since 1970. */
  readonly lastStart: number;
  /** The longest that one call may take, in milliseconds. */
  readonly callTimeoutMs: number;
}

/**
 * - `written`: this very text is in storage now, whichever call brought it there.
 * - `lost`: somebody else was faster; what they wrote is not touched.
 */
export type ConditionalWrite =
  | { readonly kind: "written"; readonly etag: string; readonly now: number; readonly sentAt: number }
  | { readonly kind: "lost" }
  | { readonly kind: "failed"; readonly problem: CallProblem };

const mostWrites = 4;

/** What was read, and when the call that read it was made, in milliseconds since 1970 by our own clock. */
export type TimedRead = BlobRead & { readonly sentAt: number };

export async function readBlob({ blobs, clock, lastStart }: StorageTerms, name: string): Promise<TimedRead> {
  let sentAt = clock.now();
  const read = (): Promise<BlobRead> => {
    sentAt = clock.now();
    return blobs.read(name);
  };
  const found = await retryTransient(read, { clock, lastStart, problemOf: problemOfRead });
  return { ...found, sentAt };
}

/**
 * Writes a blob on a condition. After a 412, or an answer that tells nothing, it reads again: its own text is
 * success (the call had landed after all), the old one is written over once more, anything else is somebody's.
 * Two writers never write the same text: each names its writer in it.
 */
export async function writeBlob(
  storage: StorageTerms,
  name: string,
  text: string,
  condition: BlobCondition,
  metadata: BlobMetadata = {},
): Promise<ConditionalWrite> {
  let problem: CallProblem | undefined;
  for (let writes = 0; writes < mostWrites; writes += 1) {
    const sentAt = storage.clock.now();
    const written = await storage.blobs.write(name, text, condition, metadata);
    if (written.kind === "written") return { ...written, sentAt };
    if (written.kind === "refused" && !written.problem.transient)
      return { kind: "failed", problem: written.problem };
    if (written.kind !== "conflict") problem = written.problem;
    const found = await readBlob(storage, name);
    if (found.kind === "failed") return found;
    if (found.kind === "found" && found.text === text) return { ...found, kind: "written" };
    const etag = found.kind === "found" ? found.etag : undefined;
    if (etag !== (condition.kind === "absent" ? undefined : condition.etag)) return { kind: "lost" };
  }
  return problem === undefined ? { kind: "lost" } : { kind: "failed", problem };
}
