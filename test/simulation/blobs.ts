import type { BlobCondition, BlobMetadata, BlobStore, BlobWrite } from "../../src/domain/blobStore.ts";

/** All that the model is, as plain JSON: equal contents give equal texts. */
export interface BlobsSnapshot {
  /** How many etags were given out. */
  readonly writes: number;
  /** In the order of their names. */
  readonly blobs: readonly StoredBlob[];
}

export interface StoredBlob {
  readonly name: string;
  readonly text: string;
  readonly etag: string;
  readonly metadata: BlobMetadata;
}

export interface SimulatedBlobs extends BlobStore {
  snapshot(): BlobsSnapshot;
}

export interface SimulatedBlobsOptions {
  /** The storage service's clock, in milliseconds since 1970. */
  readonly clock: () => number;
  /** What is in it at the start. Default: nothing. */
  readonly from?: BlobsSnapshot | undefined;
}

/**
 * Blob storage as a model: without faults, and each call takes effect whole at the moment that it is made, before
 * its promise is returned. Metadata that the service does not take is refused here too.
 */
export function createSimulatedBlobs({ clock, from }: SimulatedBlobsOptions): SimulatedBlobs {
  // What is stored is never changed, only replaced: snapshots share it.
  const blobs = new Map(from?.blobs.map((blob) => [blob.name, blob]));
  let writes = from?.writes ?? 0;

  const now = (): number => Math.floor(clock() / 1000) * 1000;
  const sorted = (): readonly StoredBlob[] => [...blobs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

  function write(name: string, text: string, condition: BlobCondition, metadata: BlobMetadata): BlobWrite {
    const expected = condition.kind === "absent" ? undefined : condition.etag;
    if (blobs.get(name)?.etag !== expected) return { kind: "conflict" };
    writes += 1;
    const etag = `"${writes}"`;
    blobs.set(name, { name, text, etag, metadata: { ...metadata } });
    return { kind: "written", etag, now: now() };
  }

  return {
    async read(name) {
      const blob = blobs.get(name);
      return blob === undefined
        ? { kind: "none", now: now() }
        : { kind: "found", text: blob.text, etag: blob.etag, now: now() };
    },
    async write(name, text, condition, metadata = {}) {
      return isLegal(metadata) ? write(name, text, condition, metadata) : illegal;
    },
    async remove(name) {
      blobs.delete(name);
      return { kind: "removed" };
    },
    async list(prefix) {
      const matching = sorted().filter(({ name }) => name.startsWith(prefix));
      return {
        kind: "listed",
        blobs: matching.map(({ name, metadata }) => ({ name, metadata: { ...metadata } })),
        now: now(),
      };
    },
    snapshot: () => ({ writes, blobs: sorted() }),
  };
}

const illegal: BlobWrite = {
  kind: "refused",
  problem: {
    code: "bad-request",
    message: "The model of blob storage answered 400 InvalidMetadata",
    transient: false,
  },
};

const isLegal = (metadata: BlobMetadata): boolean =>
  Object.entries(metadata).every(
    ([name, value]) => /^[A-Za-z_]\w*$/.test(name) && /^[\x20-\x7e]*$/.test(value),
  );
