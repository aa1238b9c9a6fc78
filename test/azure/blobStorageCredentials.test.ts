import { createServer, type IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import tls from "node:tls";
import { describe, expect, test } from "vitest";
import { createServerCertificate } from "../../local/certificate.ts";
import { listen } from "../../local/listen.ts";
import { createBlobStorage } from "../../src/azure/blobStorage.ts";
import { type Credential, createCredential } from "../../src/azure/credential.ts";
import type { BlobCondition } from "../../src/domain/blobStore.ts";
import { credentialOf } from "../support/azure.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { callTimeoutMs } from "./faultProxy.ts";

holdTime();

const absent: BlobCondition = { kind: "absent" };
const credential = credentialOf(() => Promise.reject(new Error("a connection string needs no token")));

describe("with an identity", () => {
  const storeOf = (credential: Credential, blobServiceUri: string) =>
    createBlobStorage({ credential, storage: { blobServiceUri }, container: "keys", callTimeoutMs })(
      Infinity,
    );

  /** What two writes return, and the requests that a service with these answers gets. */
  async function writeTwice(credential: Credential, statusOf: (request: IncomingMessage) => number) {
    const certificate = await createServerCertificate();
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), certificate.cert]);
    const requests: IncomingMessage[] = [];
    const server = createSecureServer(certificate, (request, response) => {
      requests.push(request);
      response.writeHead(statusOf(request), { etag: '"0x1"' }).end();
    });
    const store = storeOf(credential, `https://127.0.0.1:${await listen(server)}/`);
    const outcomes = [await store.write("a", "text", absent), await store.write("a", "text", absent)];
    server.closeAllConnections();
    server.close();
    return { outcomes, requests };
  }

  test("a write → sends a token for storage, to the container of that URI", async () => {
    const credential = credentialOf(async (scopes) => ({
      token: `token for ${scopes}`,
      expiresOnTimestamp: Date.now() + 3_600_000,
    }));
    const { outcomes, requests } = await writeTwice(credential, () => 201);
    expect(outcomes[0]).toMatchObject({ kind: "written", etag: '"0x1"' });
    const authorization = "Bearer token for https://storage.azure.com/.default";
    const request = { url: "/keys/a", headers: { authorization } };
    expect(requests).toMatchObject([request, request]);
  });

  test("storage refuses a token → refused and transient; the next write has another", async () => {
    let tokens = 0;
    const credential = createCredential(undefined, async () => () => ({
      getToken: async () => ({ token: `token ${++tokens}`, expiresOnTimestamp: Date.now() + 3_600_000 }),
    }));
    const { outcomes } = await writeTwice(credential, ({ headers }) =>
      headers.authorization === "Bearer token 1" ? 401 : 201,
    );
    expect(outcomes).toMatchObject([
      { kind: "refused", problem: { code: "unauthenticated", transient: true } },
      { kind: "written" },
    ]);
  });

  test("no token in time → refused, and nothing was sent", async () => {
    const getToken = async () => {
      await passTime(callTimeoutMs);
      return new Promise<never>(() => {});
    };
    const store = storeOf(credentialOf(getToken), "https://127.0.0.1:1");
    expect(await store.write("a", "text", absent)).toMatchObject({
      kind: "refused",
      problem: { code: "no-token", transient: true },
    });
  });

  test("plain HTTP, over which a token must not go → refused, and nothing was sent", async () => {
    const getToken = async () => ({ token: "token", expiresOnTimestamp: Date.now() + 3_600_000 });
    let requests = 0;
    const server = createServer((_, response) => {
      requests += 1;
      response.writeHead(201).end();
    });
    const store = storeOf(credentialOf(getToken), `http://127.0.0.1:${await listen(server)}`);
    expect(await store.write("a", "text", absent)).toMatchObject({
      kind: "refused",
      problem: { code: "not-sent" },
    });
    expect(requests).toBe(0);
    server.close();
  });
});

test("a connection string that cannot be parsed → throws at once, and does not repeat it", () => {
  const connectionString = "AccountName=contoso;AccountKey=c2VjcmV0";
  const create = () =>
    createBlobStorage({ credential, storage: { connectionString }, container: "keys", callTimeoutMs });
  expect(create).toThrow();
  expect(create).not.toThrow("c2VjcmV0");
});
