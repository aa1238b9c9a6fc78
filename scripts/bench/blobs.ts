import type { BlobMetadata, BlobStore } from "../../src/domain/blobStore.ts";

interface Kept {
  readonly text: string;
  readonly etag: string;
  readonly metadata: BlobMetadata;
}

/**
 * Blob storage for very many blobs, without faults.
 *
 * @param clock milliseconds since 1970
 */
export function createBlobs(clock: () => number): BlobStore & { textOf(name: string): string | undefined } {
  const blobs = new Map<string, Kept>();
  let writes = 0;
  const now = (): number => Math.floor(clock() / 1000) * 1000;

  return {
    textOf: (name) => blobs.get(name)?.text,
    async read(name) {
      const blob = blobs.get(name);
      return blob === undefined
        ? { kind: "none", now: now() }
        : { kind: "found", text: blob.text, etag: blob.etag, now: now() };
    },
    async write(name, text, condition, metadata = {}) {
      const expected = condition.kind === "absent" ? undefined : condition.etag;
      if (blobs.get(name)?.etag !== expected) return { kind: "conflict" };
      writes += 1;
      const etag = `"${writes}"`;
      blobs.set(name, { text, etag, metadata });
      return { kind: "written", etag, now: now() };
    },
    async append(name, text) {
      writes += 1;
      const before = blobs.get(name)?.text ?? "";
      blobs.set(name, { text: before + text, etag: `"${writes}"`, metadata: {} });
      return { kind: "appended", now: now() };
    },
    async remove(name) {
      blobs.delete(name);
      return { kind: "removed" };
    },
    async list(prefix) {
      const names = [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort();
      const listed = names.map((name) => ({ name, metadata: blobs.get(name)?.metadata ?? {} }));
      return { kind: "listed", blobs: listed, now: now() };
    },
  };
}
