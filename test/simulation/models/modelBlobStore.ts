import type { BlobCondition, BlobMetadata, BlobStore } from "../../../src/domain/blobStore.ts";
import { appendBlob, listBlobs, readBlob, removeBlob, writeBlob } from "./blobModel.ts";
import type { Call } from "./call.ts";
import { problemOf } from "./delivery.ts";
import type { PerformCall } from "./performCall.ts";
import { onBlobs } from "./serviceOperations.ts";

/** The model of blob storage with the interface of the product's wrapper. */
export function createModelBlobStore(runner: string, perform: PerformCall): BlobStore {
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
      const call = callAbout("writeBlob", name, writePayload(name, text, condition, metadata), over);
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

function writePayload(name: string, text: string, condition: BlobCondition, metadata: BlobMetadata): string {
  const over = condition.kind === "absent" ? "" : condition.etag;
  return `${name} over ${over} ${JSON.stringify(metadata)} ${text}`;
}
