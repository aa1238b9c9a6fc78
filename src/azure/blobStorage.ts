import { text as readText } from "node:stream/consumers";
import { ServiceClient } from "@azure/core-client";
import { redirectPolicyName } from "@azure/core-rest-pipeline";
import { BlobServiceClient, type ContainerClient, type StoragePipelineOptions } from "@azure/storage-blob";
import type { CallProblem } from "../domain/attempt.ts";
import type { BlobCondition, BlobMetadata, BlobStore } from "../domain/blobStore.ts";
import { classifyFailure, failedRead } from "./classifyFailure.ts";
import { type ClientOptions, callsThrough, userAgent, type WireResult, wirePolicy } from "./wire.ts";

/** The credential is not used if a connection string is given. */
export interface BlobStorageOptions extends ClientOptions {
  /** `https://contoso.blob.core.windows.net`, or a connection string, which holds a key or a signature. */
  readonly storage: { readonly connectionString: string } | { readonly blobServiceUri: string };
  readonly container: string;
  /** Blobs in one page of a list. Default: 5,000, the service's maximum. */
  readonly listPageSize?: number | undefined;
}

/**
 * The blobs of one container. The first write creates the container if it is missing. A call is one HTTP request (a
 * list: one for each page), without the SDK's retries: after a lost answer, a retry would find its own write and report
 * a conflict. The methods never throw.
 *
 * @returns the blobs for one invocation: every call ends at `endsAt` or earlier, in milliseconds since 1970, by this
 * machine's clock
 * @throws if the connection string or the URI cannot be parsed
 */
export function createBlobStorage(options: BlobStorageOptions): (endsAt: number) => BlobStore {
  const { callTimeoutMs, listPageSize = 5_000 } = options;
  // Opened here too, so that a setting that cannot be parsed is reported at once.
  const { host } = new URL(openContainer(options).url);
  // The SDK is loaded with this module.
  const noLoad = async () => undefined;
  const call = callsThrough(`Blob Storage ${host}`, noLoad, () => openContainer(options));

  return (endsAt) => {
    const timeLimit = () => Math.min(callTimeoutMs, endsAt - Date.now());
    /** The time limit of several requests that make up one call: each gets the time that the earlier ones left. */
    function sharedTimeLimit(): () => number {
      const callEndsAt = performance.now() + timeLimit();
      return () => callEndsAt - performance.now();
    }

    return {
      async read(name) {
        const result = await call(timeLimit(), async (container, abortSignal) => {
          const { etag, readableStreamBody } = await container
            .getBlobClient(name)
            .download(0, undefined, { abortSignal, maxRetryRequests: 0 });
          return { etag, text: readableStreamBody && (await readText(readableStreamBody)) };
        });
        if (result.kind === "error" && !isMissing(result)) return failedRead(result);
        const now = serviceTime(result);
        if (now === undefined) return { kind: "failed", problem: incomplete(result) };
        if (result.kind === "error") return { kind: "none", now };
        const { etag, text } = result.value;
        if (etag === undefined || text === undefined) return { kind: "failed", problem: incomplete(result) };
        return { kind: "found", text, etag, now };
      },

      async write(name, text, condition, metadata = {}) {
        const timeLeft = sharedTimeLimit();
        const put = (): Promise<StoreResult> =>
          call(timeLeft(), (container, abortSignal) =>
            container.getBlockBlobClient(name).upload(text, Buffer.byteLength(text), {
              abortSignal,
              conditions: condition.kind === "absent" ? { ifNoneMatch: "*" } : { ifMatch: condition.etag },
              blobHTTPHeaders: { blobContentType: "application/json" },
              metadata: { ...metadata },
            }),
          );
        let result = await put();
        if (errorCode(result) === "ContainerNotFound" && condition.kind === "absent") {
          const created = await call(timeLeft(), (container, abortSignal) =>
            container.createIfNotExists({ abortSignal }),
          );
          // A blob whose container was not created is not written either.
          if (created.kind === "error") return { ...failedRead(created), kind: "refused" };
          result = await put();
        }
        if (failedConditions[condition.kind].includes(errorCode(result))) return { kind: "conflict" };
        const stored = outcomeOf(result);
        return stored.kind === "stored" ? { ...stored, kind: "written" } : stored;
      },

      async remove(name, etag) {
        const conditions = etag === undefined ? {} : { conditions: { ifMatch: etag } };
        const result = await call(timeLimit(), (container, abortSignal) =>
          container.deleteBlob(name, { abortSignal, ...conditions }),
        );
        if (etag !== undefined && errorCode(result) === "ConditionNotMet") return { kind: "changed" };
        return result.kind === "value" || isMissing(result) ? { kind: "removed" } : failedRead(result);
      },

      async list(prefix) {
        const result = await call(timeLimit(), async (container, abortSignal) => {
          const blobs: { name: string; metadata: BlobMetadata }[] = [];
          const pages = container
            .listBlobsFlat({ prefix, includeMetadata: true, abortSignal })
            .byPage({ maxPageSize: listPageSize });
          for await (const { segment } of pages) {
            for (const { name, metadata = {} } of segment.blobItems) blobs.push({ name, metadata });
          }
          return blobs;
        });
        if (result.kind === "error" && !isMissing(result)) return failedRead(result);
        const now = serviceTime(result);
        if (now === undefined) return { kind: "failed", problem: incomplete(result) };
        return { kind: "listed", blobs: result.kind === "value" ? result.value : [], now };
      },

      /** Creates the blob and its container only after an append has shown that it is missing: once for each blob. */
      async append(name, text) {
        const timeLeft = sharedTimeLimit();
        const addBlock = (): Promise<StoreResult> =>
          call(timeLeft(), (container, abortSignal) =>
            container.getAppendBlobClient(name).appendBlock(text, Buffer.byteLength(text), { abortSignal }),
          );
        let result = await addBlock();
        if (isMissing(result)) {
          const created = await call(timeLeft(), async (container, abortSignal) => {
            await container.createIfNotExists({ abortSignal });
            return container.getAppendBlobClient(name).createIfNotExists({ abortSignal });
          });
          if (created.kind === "error") return { ...failedRead(created), kind: "refused" };
          result = await addBlock();
        }
        const stored = outcomeOf(result);
        return stored.kind === "stored" ? { kind: "appended", now: stored.now } : stored;
      },
    };
  };
}

/** The result of an upload or of an append. */
type StoreResult = WireResult<{ readonly etag?: string }>;

function outcomeOf(result: StoreResult) {
  if (result.kind === "error") return classifyFailure(result);
  const now = serviceTime(result);
  const { etag } = result.value;
  return etag === undefined || now === undefined
    ? ({ kind: "unclear", problem: incomplete(result) } as const)
    : ({ kind: "stored", etag, now } as const);
}

/**
 * The error codes of a write whose condition did not hold. A 412 can also be about a lease, and a 409 about a policy or
 * about a container that is being deleted: those are refusals, since reading again does not help.
 */
const failedConditions: Readonly<Record<BlobCondition["kind"], readonly (string | undefined)[]>> = {
  absent: ["BlobAlreadyExists", "ConditionNotMet"],
  unchanged: ["ConditionNotMet", "BlobNotFound", "ContainerNotFound"],
};

const errorCode = ({ kind, wire }: WireResult<unknown>): string | undefined =>
  kind === "error" ? wire.header("x-ms-error-code") : undefined;

/** A 404 without one of these codes is not about a blob: a proxy may have sent it. */
const isMissing = (result: WireResult<unknown>): boolean =>
  ["BlobNotFound", "ContainerNotFound"].includes(errorCode(result) ?? "");

/** The answer's `Date`, in milliseconds since 1970. */
function serviceTime({ wire }: WireResult<unknown>): number | undefined {
  const time = Date.parse(wire.header("date") ?? "");
  return Number.isNaN(time) ? undefined : time;
}

function incomplete({ wire }: WireResult<unknown>): CallProblem {
  const message = `${wire.service} answered without an ETag or a date.`;
  return { code: "unusable-answer", message, transient: true };
}

function openContainer({ credential, storage, container }: BlobStorageOptions): ContainerClient {
  const options: StoragePipelineOptions = {
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix: userAgent },
  };
  const client =
    "connectionString" in storage
      ? BlobServiceClient.fromConnectionString(storage.connectionString, options)
      : new BlobServiceClient(storage.blobServiceUri, credential, options);
  // The pipeline that the client shares with those of its containers and blobs. It comes from a protected property,
  // because storage-blob 12.34.0 has no option that puts a policy after the signature: `additionalPolicies` are added
  // once for every blob, and policies of the old form run before a request is signed.
  const context: unknown = Reflect.get(client, "storageClientContext");
  if (!(context instanceof ServiceClient))
    throw new TypeError("@azure/storage-blob no longer keeps its pipeline in storageClientContext");
  context.pipeline.removePolicy({ name: redirectPolicyName });
  context.pipeline.addPolicy(wirePolicy(credential.refused), { afterPhase: "Sign" });
  return client.getContainerClient(container);
}
