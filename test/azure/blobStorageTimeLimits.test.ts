import { createServer } from "node:http";
import { expect, test } from "vitest";
import { listen } from "../../local/listen.ts";
import { createBlobStorage } from "../../src/azure/blobStorage.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { credentialOf } from "../support/azure.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { callTimeoutMs } from "./faultProxy.ts";

holdTime();

const credential = credentialOf(() => Promise.reject(new Error("a connection string needs no token")));

/** @param endsAt when the invocation ends, in milliseconds since 1970 */
const blobsUntil = (port: number, endsAt: number) =>
  createBlobStorage({
    credential,
    storage: {
      connectionString: `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:${port}/a;`,
    },
    container: "keys",
    callTimeoutMs,
  })(endsAt);
const calls = {
  read: (blobs: BlobStore) => blobs.read("a"),
  write: (blobs: BlobStore) => blobs.write("a", "text", { kind: "absent" }),
  append: (blobs: BlobStore) => blobs.append("a", "text"),
  remove: (blobs: BlobStore) => blobs.remove("a"),
  list: (blobs: BlobStore) => blobs.list("a"),
} as const;

test.each(Object.entries(calls))("a %s that is not answered → ends with the invocation", async (_, call) => {
  const server = createServer(() => void passTime(2_000));
  const outcome = await call(blobsUntil(await listen(server), Date.now() + 2_000));
  server.closeAllConnections();
  server.close();
  expect(outcome).toMatchObject({
    problem: { code: "timed-out", message: expect.stringMatching(/did not answer within [12](\.\d)? s/) },
  });
});

test.each(Object.entries(calls))(
  "a %s after the invocation's end → not sent, and the problem gives that reason",
  async (_, call) => {
    const outcome = await call(blobsUntil(1, Date.now()));
    expect(outcome).toMatchObject({
      problem: { code: "not-sent", message: expect.stringContaining("the invocation's time is up") },
    });
  },
);
