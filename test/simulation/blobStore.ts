import type { BlobCondition, BlobMetadata, BlobStore } from "../../src/domain/blobStore.ts";
import { appendBlob, listBlobs, readBlob, removeBlob, writeBlob } from "./blobs.ts";
import { type Call, problemOf } from "./fate.ts";
import { onBlobs } from "./operations.ts";
import type { Perform } from "./perform.ts";

/** Blob storage as the product's wrapper shows it. */
export function createModelBlobStore(runner: string, perform: Perform): BlobStore {
  const callAbout = (
    operation: Call["operation"],
    subject: string,
    payload = subject,
    over?: string,
  ): Call => ({
    over,
    runner,
    service: "Blob Storage",
    operation,
    subject,
    payload,
  });

  return {
    async read(name) {
      const call = callAbout("readBlob", name);
      const seen = await perform(call, (world) => onBlobs(world, readBlob(name)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async write(name, text, condition, metadata = {}) {
      const over = condition.kind === "absent" ? undefined : condition.etag;
      const call = callAbout("writeBlob", name, writing(name, text, condition, metadata), over);
      const seen = await perform(call, (world) =>
        onBlobs(world, writeBlob(name, { text, metadata }, condition)),
      );
      return "code" in seen ? { kind: seen.kind, problem: problemOf(call, seen) } : seen;
    },
    async append(name, text) {
      const call = callAbout("appendBlob", name, `${name} ${text}`);
      const seen = await perform(call, (world) => onBlobs(world, appendBlob(name, text)));
      return "code" in seen ? { kind: seen.kind, problem: problemOf(call, seen) } : seen;
    },
    async remove(name, etag) {
      const call = callAbout("removeBlob", name, `${name} ${etag ?? ""}`);
      const seen = await perform(call, (world) => onBlobs(world, removeBlob(name, etag)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async list(prefix) {
      const call = callAbout("listBlobs", prefix);
      const seen = await perform(call, (world) => onBlobs(world, listBlobs(prefix)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
  };
}

function writing(name: string, text: string, condition: BlobCondition, metadata: BlobMetadata): string {
  const over = condition.kind === "absent" ? "" : condition.etag;
  return `${name} over ${over} ${JSON.stringify(metadata)} ${text}`;
}
