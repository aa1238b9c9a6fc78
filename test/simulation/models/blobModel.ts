import type {
  BlobAppend,
  BlobCondition,
  BlobList,
  BlobMetadata,
  BlobRead,
  BlobRemove,
  BlobStore,
  BlobWrite,
} from "../../../src/domain/blobStore.ts";

/** The model's whole state as plain JSON. Equal contents give equal texts. Nothing changes a snapshot. */
export interface BlobsSnapshot {
  /** How many writes there were. Each made one etag. */
  readonly writes: number;
  /** Ordered by name. */
  readonly blobs: readonly StoredBlob[];
}

export interface StoredBlob {
  readonly name: string;
  readonly text: string;
  readonly etag: string;
  readonly metadata: BlobMetadata;
}

export type BlobContent = Pick<StoredBlob, "text" | "metadata">;

/** The blobs after an operation, and its answer. */
export interface BlobsAfter<Answer> {
  readonly blobs: BlobsSnapshot;
  readonly answer: Answer;
}

/** One operation. `at` is the service's clock in milliseconds since 1970; its answers carry whole seconds. */
export type BlobOperation<Answer> = (blobs: BlobsSnapshot, at: number) => BlobsAfter<Answer>;

const wholeSeconds = (at: number): number => Math.floor(at / 1000) * 1000;

export const readBlob =
  (name: string): BlobOperation<BlobRead> =>
  (blobs, at) => {
    const now = wholeSeconds(at);
    const found = blobs.blobs.find((blob) => blob.name === name);
    const answer: BlobRead =
      found === undefined
        ? { kind: "none", now }
        : { kind: "found", text: found.text, etag: found.etag, now };
    return { blobs, answer };
  };

/** Refuses the metadata that the service refuses. */
export const writeBlob =
  (name: string, content: BlobContent, condition: BlobCondition): BlobOperation<BlobWrite> =>
  (before, at) => {
    if (!isLegal(content.metadata)) return { blobs: before, answer: illegal };
    const expected = condition.kind === "absent" ? undefined : condition.etag;
    const current = before.blobs.find((blob) => blob.name === name);
    if (current?.etag !== expected) return { blobs: before, answer: { kind: "conflict" } };
    const writes = before.writes + 1;
    const etag = `"${writes}"`;
    const blobs = [...before.blobs.filter((blob) => blob !== current), { name, etag, ...content }];
    return {
      blobs: { writes, blobs: blobs.sort((a, b) => (a.name < b.name ? -1 : 1)) },
      answer: { kind: "written", etag, now: wholeSeconds(at) },
    };
  };

/** Each append makes a new etag. The model's append blobs have no metadata. */
export const appendBlob =
  (name: string, text: string): BlobOperation<BlobAppend> =>
  (before, at) => {
    const current = before.blobs.find((blob) => blob.name === name);
    const writes = before.writes + 1;
    const after: StoredBlob = {
      name,
      text: `${current?.text ?? ""}${text}`,
      etag: `"${writes}"`,
      metadata: current?.metadata ?? {},
    };
    const blobs = [...before.blobs.filter((blob) => blob !== current), after];
    return {
      blobs: { writes, blobs: blobs.sort((a, b) => (a.name < b.name ? -1 : 1)) },
      answer: { kind: "appended", now: wholeSeconds(at) },
    };
  };

export const removeBlob =
  (name: string, etag?: string): BlobOperation<BlobRemove> =>
  (before) => {
    const found = before.blobs.find((blob) => blob.name === name);
    if (etag !== undefined && found !== undefined && found.etag !== etag)
      return { blobs: before, answer: { kind: "changed" } };
    const blobs = { ...before, blobs: before.blobs.filter((blob) => blob !== found) };
    return { blobs, answer: { kind: "removed" } };
  };

export const listBlobs =
  (prefix: string): BlobOperation<BlobList> =>
  (blobs, at) => {
    const matching = blobs.blobs.filter(({ name }) => name.startsWith(prefix));
    const listed = matching.map(({ name, metadata }) => ({ name, metadata: { ...metadata } }));
    return { blobs, answer: { kind: "listed", blobs: listed, now: wholeSeconds(at) } };
  };

export interface SimulatedBlobs extends BlobStore {
  snapshot(): BlobsSnapshot;
}

export interface SimulatedBlobsOptions {
  /** The storage service's clock, in milliseconds since 1970. */
  readonly clock: () => number;
  /** What the model holds at the start. Default: nothing. */
  readonly from?: BlobsSnapshot | undefined;
}

/** The model as a store without faults. Each call takes effect before it returns its promise. */
export function createSimulatedBlobs({ clock, from }: SimulatedBlobsOptions): SimulatedBlobs {
  let current: BlobsSnapshot = from ?? { writes: 0, blobs: [] };

  async function perform<Answer>(operation: BlobOperation<Answer>): Promise<Answer> {
    const { blobs, answer } = operation(current, clock());
    current = blobs;
    return answer;
  }

  return {
    read: (name) => perform(readBlob(name)),
    write: (name, text, condition, metadata = {}) =>
      perform(writeBlob(name, { text, metadata: { ...metadata } }, condition)),
    append: (name, text) => perform(appendBlob(name, text)),
    remove: (name, etag) => perform(removeBlob(name, etag)),
    list: (prefix) => perform(listBlobs(prefix)),
    snapshot: () => current,
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
