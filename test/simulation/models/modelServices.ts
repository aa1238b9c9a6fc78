import type { CallTrace, GatewayKeys } from "../../../src/domain/attempt.ts";
import type { BlobCondition, BlobMetadata, BlobStore } from "../../../src/domain/blobStore.ts";
import { redact, reveal } from "../../../src/domain/redacted.ts";
import type { SecretStore } from "../../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../../src/domain/target.ts";
import { appendBlob, listBlobs, readBlob, removeBlob, writeBlob } from "./blobModel.ts";
import type { Call } from "./call.ts";
import { type CallFailure, type DecideDelivery, problemOf, refusals } from "./delivery.ts";
import {
  createPerformCall,
  type PerformCall,
  type PerformCallTerms,
  type WorldHolder,
} from "./performCall.ts";
import * as model from "./serviceOperations.ts";

export interface ModelServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  readonly blobs: BlobStore;
}

/** The three services over a world in memory, with the interfaces of the product's wrappers. */
export function createModelServices(
  holder: WorldHolder,
  decide: DecideDelivery,
  terms: PerformCallTerms,
): ModelServices {
  const perform = createPerformCall(holder, decide, terms);
  return {
    keys: createModelGatewayKeys(terms.runner, perform),
    secrets: createModelSecretStore(terms.runner, perform),
    blobs: createModelBlobStore(terms.runner, perform),
  };
}

/** The model of Resource Manager with the interface of the product's wrapper. */
function createModelGatewayKeys(runner: string, perform: PerformCall): GatewayKeys {
  const callAbout = (operation: Call["operation"], subject: string, payload: string): Call => ({
    runner,
    service: "Resource Manager",
    operation,
    subject,
    payload,
  });

  return {
    async regenerate(target, slot, clientRequestId) {
      const call = callAbout("regenerate", `${nameOf(target.identity)} ${slot}`, clientRequestId);
      const seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));
      const trace: CallTrace = { clientRequestId, status: statusOf(seen), durationMs: 0 };
      switch (seen.kind) {
        case "regenerated": {
          const requestId = `answer to ${clientRequestId}`;
          const ids = { requestId, correlationRequestId: requestId, routingRequestId: `MODEL:${requestId}` };
          return { kind: "applied", key: redact(seen.key), trace: { ...trace, ...ids } };
        }
        case "refused":
          return { kind: "unchanged", problem: problemOf(call, seen), trace };
        case "unclear":
          return { kind: "unknown", problem: problemOf(call, seen), trace };
      }
    },
    async listKeys(target) {
      const call = callAbout("listKeys", nameOf(target.identity), target.identity);
      const seen = await perform(call, (world) => model.listKeys(world, target));
      if (seen.kind !== "keys") return { kind: "failed", problem: problemOf(call, seen) };
      const { authKey1 = "", authKey2 = "" } = seen.keys;
      return { kind: "listed", keys: { authKey1: redact(authKey1), authKey2: redact(authKey2) } };
    },
  };
}

const nameOf = (identity: string): string => identity.slice(identity.lastIndexOf("/") + 1);

/** A call without an answer has no status. */
function statusOf(seen: { readonly kind: "regenerated" } | CallFailure): number | undefined {
  switch (seen.kind) {
    case "regenerated":
      return 200;
    case "refused":
      return refusals[seen.code].status;
    case "unclear":
      return undefined;
  }
}

/** The model of Key Vault with the interface of the product's wrapper. */
function createModelSecretStore(runner: string, perform: PerformCall): SecretStore {
  const callAbout = (operation: Call["operation"], address: SecretAddress, content = ""): Call => ({
    runner,
    service: "Key Vault",
    operation,
    subject: address.secretName,
    payload: `${address.vaultUrl}/${address.secretName.toLowerCase()} ${content}`,
  });

  return {
    async readLatest(address) {
      const call = callAbout("readLatest", address);
      const seen = await perform(call, (world) => model.readLatest(world, address));
      switch (seen.kind) {
        case "none":
          return seen;
        case "enabled": {
          const secret = model.toSecretVersion(seen.version, seen.ownedByCertificate);
          return { kind: "enabled", secret, key: redact(seen.version.value.trim()) };
        }
        case "disabled":
          return {
            kind: "disabled",
            secret: model.toSecretVersion(seen.version, seen.ownedByCertificate),
          };
        default:
          return { kind: "failed", problem: problemOf(call, seen) };
      }
    },
    async readDeleted(address) {
      const call = callAbout("readDeleted", address);
      const seen = await perform(call, (world) => model.readDeleted(world, address));
      if (seen.kind === "absent" || seen.kind === "softDeleted") return { kind: seen.kind };
      return { kind: "failed", problem: problemOf(call, seen) };
    },
    async write(address, { key, contentType, tags }) {
      const content = { value: reveal(key), contentType, tags, writtenBy: runner };
      const call = callAbout("write", address, JSON.stringify(content));
      const seen = await perform(call, (world) => model.write(world, address, content));
      if (seen.kind === "stored") return { kind: "stored", secret: model.toSecretVersion(seen.version) };
      return { kind: seen.kind, problem: problemOf(call, seen) };
    },
  };
}

/** The model of blob storage with the interface of the product's wrapper. */
function createModelBlobStore(runner: string, perform: PerformCall): BlobStore {
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
      const seen = await perform(call, (world) => model.onBlobs(world, readBlob(name)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async write(name, text, condition, metadata = {}) {
      const over = condition.kind === "absent" ? undefined : condition.etag;
      const call = callAbout("writeBlob", name, writePayload(name, text, condition, metadata), over);
      const seen = await perform(call, (world) =>
        model.onBlobs(world, writeBlob(name, { text, metadata }, condition)),
      );
      return "code" in seen ? { kind: seen.kind, problem: problemOf(call, seen) } : seen;
    },
    async append(name, text) {
      const call = callAbout("appendBlob", name, `${name} ${text}`);
      const seen = await perform(call, (world) => model.onBlobs(world, appendBlob(name, text)));
      return "code" in seen ? { kind: seen.kind, problem: problemOf(call, seen) } : seen;
    },
    async remove(name, etag) {
      const call = callAbout("removeBlob", name, `${name} ${etag ?? ""}`);
      const seen = await perform(call, (world) => model.onBlobs(world, removeBlob(name, etag)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
    async list(prefix) {
      const call = callAbout("listBlobs", prefix);
      const seen = await perform(call, (world) => model.onBlobs(world, listBlobs(prefix)));
      return "code" in seen ? { kind: "failed", problem: problemOf(call, seen) } : seen;
    },
  };
}

function writePayload(name: string, text: string, condition: BlobCondition, metadata: BlobMetadata): string {
  const over = condition.kind === "absent" ? "" : condition.etag;
  return `${name} over ${over} ${JSON.stringify(metadata)} ${text}`;
}
