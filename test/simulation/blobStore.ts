import type { BlobStore } from "../../src/domain/blobStore.ts";
import { type Call, problemOf } from "./fate.ts";
import { onBlobs } from "./operations.ts";
import type { Perform } from "./perform.ts";

/** Blob storage as the product's wrapper shows it. */
export function createModelBlobStore(runner: string, perform: Perform): BlobStore {
  const callAbout = (operation: Call["operation"], subject: string, payload: unknown = subject): Call => ({
    runner,
    service: "Blob Storage",
    operation,
    subject,
    payload: JSON.stringify(payload),
  });

  return {
    async read(name) {
      const call = callAbout("readBlob", name);
      const seen = await perform(call, (world) => onBlobs(world, (blobs) => blobs.read(name)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async write(name, text, condition, metadata = {}) {
      const call = callAbout("writeBlob", name, { name, text, condition, metadata });
      const seen = await perform(call, (world) =>
        onBlobs(world, (blobs) => blobs.write(name, text, condition, metadata)),
      );
      return "code" in seen ? { kind: seen.kind, problem: problemOf(call, seen) } : seen;
    },
    async remove(name) {
      const call = callAbout("removeBlob", name);
      const seen = await perform(call, (world) => onBlobs(world, (blobs) => blobs.remove(name)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async list(prefix) {
      const call = callAbout("listBlobs", prefix);
      const seen = await perform(call, (world) => onBlobs(world, (blobs) => blobs.list(prefix)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
  };
}
