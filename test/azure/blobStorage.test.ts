import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { buffer } from "node:stream/consumers";
import tls from "node:tls";
import { inspect } from "node:util";
import type { TokenCredential } from "@azure/core-auth";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { createCertificateAuthority } from "../../local/certificates.ts";
import { type BlobStorageOptions, createBlobStorage } from "../../src/azure/blobStorage.ts";
import { createCredential } from "../../src/azure/credential.ts";
import type { BlobCondition, BlobStore } from "../../src/domain/blobStore.ts";
import { describeBlobStore } from "../contract/blobStore.ts";
import { credentialOf } from "../support/azure.ts";
import { holdTime, passTime } from "../support/heldTime.ts";

let azurite: Azurite;
let proxy: Proxy;
let containers = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startProxy(blobEndpoint(azurite.connectionString));
});
afterAll(async () => {
  proxy.stop();
  await azurite.stop();
});

holdTime();

const callTimeoutMs = 30_000;
const absent: BlobCondition = { kind: "absent" };

const credential = credentialOf(() => Promise.reject(new Error("a connection string needs no token")));

/** The blobs of an invocation that never ends. */
const createStore = (options: BlobStorageOptions): BlobStore =>
  createBlobStorage(options)(Number.POSITIVE_INFINITY);

const newContainer = () => `container-${++containers}`;

describeBlobStore("Azurite", () => ({
  store: createStore({
    credential,
    storage: { connectionString: azurite.connectionString },
    container: newContainer(),
    callTimeoutMs,
    listPageSize: 7,
  }),
  clock: Date.now,
}));

describe("on the wire", () => {
  let store: BlobStore;
  let container: string;

  const accountBehindProxy = () => ({
    credential,
    storage: { connectionString: proxy.connectionString(azurite.connectionString) },
  });

  const storeIn = (container: string, listPageSize?: number) =>
    createStore({ ...accountBehindProxy(), container, callTimeoutMs, listPageSize });

  /** Method and path of the requests since the last `beforeEach`, the container's name left out. */
  const sent = () =>
    proxy.requests.map(({ method, url = "" }) => `${method} ${url.slice(url.indexOf(container))}`);

  async function exists(name: string): Promise<boolean> {
    const outcome = await store.read(name);
    if (outcome.kind === "failed") throw new Error(outcome.problem.message);
    return outcome.kind === "found";
  }

  beforeEach(async () => {
    container = newContainer();
    store = storeIn(container);
    expect(await store.write("existing", "text", absent)).toMatchObject({ kind: "written" });
    proxy.reset();
  });

  describe("the requests", () => {
    test("a write → one request: UTF-8 JSON, the condition, the metadata, our user agent", async () => {
      await store.write("gateways/ü.json", '"ü"', absent, { due: "1" });
      expect(sent()).toEqual([`PUT ${container}/gateways/%C3%BC.json`]);
      expect(proxy.requests[0]?.headers).toMatchObject({
        "if-none-match": "*",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-blob-content-type": "application/json",
        "content-length": "4",
        "x-ms-meta-due": "1",
        "user-agent": expect.stringMatching(/^gateway-key-rotation azsdk-js-azure-storage-blob/),
      });
    });

    test("a read and a remove → one request each", async () => {
      await store.read("existing");
      await store.remove("existing");
      expect(sent()).toEqual([`GET ${container}/existing`, `DELETE ${container}/existing`]);
    });

    test("the first write to a container that is missing → creates it and is sent again", async () => {
      container = newContainer();
      store = storeIn(container);
      expect(await store.write("a", "text", absent)).toMatchObject({ kind: "written" });
      const requests = sent();
      expect(await store.read("a")).toMatchObject({ text: "text" });
      expect(requests).toEqual([
        `PUT ${container}/a`,
        `PUT ${container}?restype=container`,
        `PUT ${container}/a`,
      ]);
    });

    test("the first append → creates the blob; each later one is one request", async () => {
      expect(await store.append("log", "a")).toMatchObject({ kind: "appended" });
      expect(sent()).toEqual([
        `PUT ${container}/log?comp=appendblock`,
        `PUT ${container}?restype=container`,
        `PUT ${container}/log`,
        `PUT ${container}/log?comp=appendblock`,
      ]);
      proxy.reset();
      await store.append("log", "b");
      expect(sent()).toEqual([`PUT ${container}/log?comp=appendblock`]);
      expect(await store.read("log")).toMatchObject({ text: "ab" });
    });

    test("any other call to a missing container → does not create it", async () => {
      container = newContainer();
      store = storeIn(container);
      await store.read("a");
      await store.list("");
      await store.remove("a");
      await store.write("a", "text", { kind: "unchanged", etag: '"0x1"' });
      expect(proxy.requests.map(({ method }) => method)).toEqual(["GET", "GET", "DELETE", "PUT"]);
    });

    test("a list → one request for each page", async () => {
      for (const name of ["a", "b", "c", "d"]) await store.write(name, "", absent);
      proxy.reset();
      expect(await storeIn(container, 2).list("")).toMatchObject({
        blobs: ["a", "b", "c", "d", "existing"].map((name) => ({ name })),
      });
      expect(proxy.requests).toHaveLength(3);
    });
  });

  describe("a write that fails", () => {
    test.each<[string, Fault, "refused" | "unclear", string, boolean]>([
      ["400", { kind: "answer", status: 400 }, "refused", "bad-request", false],
      ["403", { kind: "answer", status: 403 }, "refused", "forbidden", false],
      ["404 without a code of storage", { kind: "answer", status: 404 }, "refused", "not-found", false],
      ["409 for another reason", { kind: "answer", status: 409 }, "refused", "conflict", false],
      ["412 for another reason", { kind: "answer", status: 412 }, "refused", "precondition-failed", false],
      ["429", { kind: "answer", status: 429 }, "refused", "throttled", false],
      ["500", { kind: "answer", status: 500 }, "unclear", "server-error", false],
      ["503", { kind: "answer", status: 503 }, "unclear", "server-error", false],
      [
        "500 after the write took effect",
        { kind: "answer", status: 500, forward: true },
        "unclear",
        "server-error",
        true,
      ],
      [
        "201 without an ETag",
        { kind: "answer", status: 201, forward: true },
        "unclear",
        "unusable-answer",
        true,
      ],
      [
        "a redirect",
        { kind: "answer", status: 307, headers: { location: "/elsewhere" } },
        "unclear",
        "unexpected-status",
        false,
      ],
      [
        "dropped before it took effect",
        { kind: "drop", forward: false },
        "unclear",
        "connection-lost",
        false,
      ],
      ["dropped after it took effect", { kind: "drop", forward: true }, "unclear", "connection-lost", true],
      ["no answer in time", { kind: "hang" }, "unclear", "timed-out", false],
    ])("%s → its certain effect, after one request", async (_, fault, kind, code, done) => {
      proxy.inject(fault);
      const outcome = await store.write("new", "text", absent);
      expect(outcome).toMatchObject({ kind, problem: { code } });
      expect(sent()).toEqual([`PUT ${container}/new`]);
      expect(await exists("new")).toBe(done);
    });

    test.each<[string, Fault, "refused" | "unclear", string, string]>([
      ["403", { kind: "answer", status: 403 }, "refused", "forbidden", "before"],
      [
        "dropped before it took effect",
        { kind: "drop", forward: false },
        "unclear",
        "connection-lost",
        "before",
      ],
      [
        "dropped after it took effect",
        { kind: "drop", forward: true },
        "unclear",
        "connection-lost",
        "before, more",
      ],
    ])("an append, and %s → %j, and no second request", async (_, fault, kind, code, text) => {
      await store.append("log", "before");
      proxy.reset();
      proxy.inject(fault);
      expect(await store.append("log", ", more")).toMatchObject({ kind, problem: { code } });
      expect(sent()).toEqual([`PUT ${container}/log?comp=appendblock`]);
      expect(await store.read("log")).toMatchObject({ kind: "found", text });
    });

    test("the same write again after a lost answer → a conflict with itself", async () => {
      proxy.inject({ kind: "drop", forward: true });
      await store.write("new", "text", absent);
      expect(await store.write("new", "text", absent)).toEqual({ kind: "conflict" });
      expect(await store.read("new")).toMatchObject({ kind: "found", text: "text" });
    });

    test("a refusal → its message has the service's code and the account's host", async () => {
      const headers = { "x-ms-error-code": "AuthorizationPermissionMismatch" };
      proxy.inject({ kind: "answer", status: 403, headers, body: "<Error><Code>…</Code></Error>" });
      const message = `Blob Storage ${proxy.host} answered 403 AuthorizationPermissionMismatch`;
      expect(await store.write("new", "text", absent)).toMatchObject({
        kind: "refused",
        problem: { message, transient: false },
      });
    });

    test("a lease on the blob → refused, and not a conflict, since reading again does not help", async () => {
      proxy.inject({ kind: "answer", status: 412, headers: { "x-ms-error-code": "LeaseIdMissing" } });
      expect(await store.write("existing", "text", { kind: "unchanged", etag: '"0x1"' })).toMatchObject({
        kind: "refused",
        problem: { message: expect.stringMatching(/412 LeaseIdMissing$/) },
      });
    });

    test("429 with Retry-After → the problem has the time to wait", async () => {
      proxy.inject({ kind: "answer", status: 429, headers: { "retry-after": "3" } });
      expect(await store.write("new", "text", absent)).toMatchObject({ problem: { retryAfterMs: 3000 } });
    });

    test("no server at the address → a write is refused and a read fails, with the host's name", async () => {
      const nowhere = await startProxy(proxy.url);
      nowhere.stop();
      const unreachable = createStore({
        credential,
        storage: { connectionString: nowhere.connectionString(azurite.connectionString) },
        container,
        callTimeoutMs,
      });
      expect(await unreachable.write("new", "text", absent)).toMatchObject({
        kind: "refused",
        problem: { code: "unreachable", message: expect.stringContaining(`Blob Storage ${nowhere.host}`) },
      });
      expect(await unreachable.read("existing")).toMatchObject({
        kind: "failed",
        problem: { code: "unreachable", transient: true },
      });
    });

    test.each<[string, Fault]>([
      ["is forbidden", { kind: "answer", status: 403 }],
      ["fails", { kind: "answer", status: 500 }],
      ["loses its answer", { kind: "drop", forward: true }],
      ["hangs", { kind: "hang" }],
    ])("creating the container %s → the write is refused, within one call's time", async (_, fault) => {
      container = newContainer();
      store = storeIn(container);
      proxy.inject({ kind: "pass" }, fault);
      expect(await store.write("a", "text", absent)).toMatchObject({ kind: "refused" });
      expect(sent()).toEqual([`PUT ${container}/a`, `PUT ${container}?restype=container`]);
    });

    test("creating the container and writing again are slow → within one call's time, not three", async () => {
      container = newContainer();
      store = storeIn(container);
      const slow: Fault = { kind: "pass", afterMs: callTimeoutMs * 0.6 };
      proxy.inject(slow, slow, slow);
      expect(await store.write("a", "text", absent)).toMatchObject({
        kind: "refused",
        problem: { code: "timed-out" },
      });
      expect(proxy.requests).toHaveLength(2);
    });

    test("the write after the container was created loses its answer → unclear", async () => {
      container = newContainer();
      store = storeIn(container);
      proxy.inject({ kind: "pass" }, { kind: "pass" }, { kind: "drop", forward: true });
      expect(await store.write("a", "text", absent)).toMatchObject({
        kind: "unclear",
        problem: { code: "connection-lost" },
      });
      expect(await exists("a")).toBe(true);
    });

    test("the container is still missing after its creation → refused after one more write", async () => {
      const missing: Fault = {
        kind: "answer",
        status: 404,
        headers: { "x-ms-error-code": "ContainerNotFound" },
      };
      proxy.inject(missing, { kind: "pass" }, missing);
      expect(await store.write("new", "text", absent)).toMatchObject({
        kind: "refused",
        problem: { code: "not-found" },
      });
      expect(proxy.requests).toHaveLength(3);
    });
  });

  describe("a read, a list or a remove that fails", () => {
    const calls = {
      read: () => store.read("existing"),
      list: () => store.list(""),
      remove: () => store.remove("existing"),
    };

    test.each<[string, Fault, string]>([
      ["403", { kind: "answer", status: 403 }, "forbidden"],
      ["404 that is not about a blob", { kind: "answer", status: 404, body: "<p>" }, "not-found"],
      ["500", { kind: "answer", status: 500 }, "server-error"],
      ["503", { kind: "answer", status: 503 }, "server-error"],
      ["a redirect", { kind: "answer", status: 302, headers: { location: "/" } }, "unexpected-status"],
      ["a dropped connection", { kind: "drop", forward: false }, "connection-lost"],
      ["no answer in time", { kind: "hang" }, "timed-out"],
    ])("%s → failed after one request, and not reported as missing", async (_, fault, code) => {
      for (const call of Object.values(calls)) {
        proxy.reset();
        proxy.inject(fault);
        expect(await call()).toMatchObject({ kind: "failed", problem: { code } });
        expect(proxy.requests).toHaveLength(1);
      }
    });

    test.each<[string, Fault, string]>([
      ["is cut off", { kind: "cutOff", bytes: 2 }, "unusable-answer"],
      ["stalls", { kind: "stall", bytes: 2 }, "timed-out"],
    ])("a blob whose text %s → failed within one call's time, after one request", async (_, fault, code) => {
      proxy.inject(fault);
      expect(await store.read("existing")).toMatchObject({ kind: "failed", problem: { code } });
      expect(proxy.requests).toHaveLength(1);
    });

    test("a list whose second page fails → failed, not the first page alone", async () => {
      await store.write("another", "", absent);
      proxy.reset();
      proxy.inject({ kind: "pass" }, { kind: "answer", status: 500 });
      expect(await storeIn(container, 1).list("")).toMatchObject({
        kind: "failed",
        problem: { code: "server-error" },
      });
    });

    test("a list that cannot be parsed → failed", async () => {
      proxy.inject({ kind: "answer", status: 200, body: "<p>unclosed" });
      expect(await store.list("")).toMatchObject({ kind: "failed", problem: { code: "unusable-answer" } });
    });

    test("a remove whose answer was lost, again → removed", async () => {
      proxy.inject({ kind: "drop", forward: true });
      expect(await store.remove("existing")).toMatchObject({ kind: "failed" });
      expect(await store.remove("existing")).toEqual({ kind: "removed" });
    });

    test("an answer without a date → failed, since runners compare only the service's times", async () => {
      const headers = { "x-ms-error-code": "BlobNotFound" };
      proxy.inject({ kind: "answer", status: 404, headers, withoutDate: true });
      expect(await store.read("existing")).toMatchObject({
        kind: "failed",
        problem: { code: "unusable-answer" },
      });
    });
  });

  test("any failure → the account's key is in no outcome", async () => {
    const key = /AccountKey=([^;]+)/.exec(azurite.connectionString)?.[1] ?? "no key";
    for (const fault of [
      { kind: "answer", status: 403 },
      { kind: "drop", forward: false },
    ] as const) {
      proxy.inject(fault);
      const outcome = await store.write("new", "text", absent);
      expect(outcome.kind).not.toBe("written");
      expect(inspect(outcome, { depth: null, showHidden: true })).not.toContain(key);
    }
    expect(proxy.requests[0]?.headers.authorization).toMatch(/^SharedKey devstoreaccount1:/);
  });
});

describe("the calls of one invocation", () => {
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
    write: (blobs: BlobStore) => blobs.write("a", "text", absent),
    append: (blobs: BlobStore) => blobs.append("a", "text"),
    remove: (blobs: BlobStore) => blobs.remove("a"),
    list: (blobs: BlobStore) => blobs.list("a"),
  } as const;

  test.each(Object.entries(calls))(
    "a %s that is not answered → ends with the invocation",
    async (_, call) => {
      const server = createServer(() => void passTime(2_000)).listen(0, "127.0.0.1");
      await once(server, "listening");
      const outcome = await call(blobsUntil(portOf(server.address()), Date.now() + 2_000));
      server.closeAllConnections();
      server.close();
      expect(outcome).toMatchObject({
        problem: { code: "timed-out", message: expect.stringMatching(/did not answer within [12](\.\d)? s/) },
      });
    },
  );

  test.each(Object.entries(calls))(
    "a %s after the invocation's end → not sent, and says so",
    async (_, call) => {
      const outcome = await call(blobsUntil(1, Date.now()));
      expect(outcome).toMatchObject({
        problem: { code: "not-sent", message: expect.stringContaining("the invocation's time is up") },
      });
    },
  );
});

describe("with an identity", () => {
  const storeOf = (getToken: TokenCredential["getToken"], blobServiceUri: string) =>
    createStore({
      credential: credentialOf(getToken),
      storage: { blobServiceUri },
      container: "keys",
      callTimeoutMs,
    });

  test("a write → sends a token for storage, to the container of that URI", async () => {
    const authority = await createCertificateAuthority();
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), authority.certificatePem]);
    const requests: IncomingMessage[] = [];
    const server = createSecureServer(await authority.issueServerCertificate(), (incoming, response) => {
      requests.push(incoming);
      response.writeHead(201, { etag: '"0x1"' }).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");

    const getToken = async (scopes: string | string[]) => ({
      token: `token for ${scopes}`,
      expiresOnTimestamp: Date.now() + 3_600_000,
    });
    const store = storeOf(getToken, `https://127.0.0.1:${portOf(server.address())}/`);
    const outcome = await store.write("a", "text", absent);
    server.closeAllConnections();
    server.close();

    expect(outcome).toMatchObject({ kind: "written", etag: '"0x1"' });
    expect(requests).toMatchObject([
      { url: "/keys/a", headers: { authorization: "Bearer token for https://storage.azure.com/.default" } },
    ]);
  });

  test("storage refuses a token → refused and transient; the next write has another", async () => {
    const authority = await createCertificateAuthority();
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), authority.certificatePem]);
    const server = createSecureServer(await authority.issueServerCertificate(), (incoming, response) => {
      const revoked = incoming.headers.authorization === "Bearer token 1";
      response.writeHead(revoked ? 401 : 201, { etag: '"0x1"' }).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    let tokens = 0;
    const opened = createCredential(undefined, async () => ({
      getToken: async () => ({ token: `token ${++tokens}`, expiresOnTimestamp: Date.now() + 3_600_000 }),
    }));
    const store = createStore({
      credential: opened,
      storage: { blobServiceUri: `https://127.0.0.1:${portOf(server.address())}/` },
      container: "keys",
      callTimeoutMs,
    });
    const outcomes = [await store.write("a", "text", absent), await store.write("a", "text", absent)];
    server.closeAllConnections();
    server.close();

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
    const store = storeOf(getToken, "https://127.0.0.1:1");
    expect(await store.write("a", "text", absent)).toMatchObject({
      kind: "refused",
      problem: { code: "no-token", transient: true },
    });
  });

  test("plain HTTP, over which a token must not go → refused, and nothing was sent", async () => {
    proxy.reset();
    const getToken = async () => ({ token: "token", expiresOnTimestamp: Date.now() + 3_600_000 });
    expect(await storeOf(getToken, proxy.url).write("a", "text", absent)).toMatchObject({
      kind: "refused",
      problem: { code: "not-sent" },
    });
    expect(proxy.requests).toEqual([]);
  });
});

test("a connection string that cannot be parsed → throws at once, and does not repeat it", () => {
  const connectionString = "AccountName=contoso;AccountKey=c2VjcmV0";
  const create = () =>
    createBlobStorage({ credential, storage: { connectionString }, container: "keys", callTimeoutMs });
  expect(create).toThrow();
  expect(create).not.toThrow("c2VjcmV0");
});

/** What happens to a request instead of its normal way; `forward`: the service gets the request nevertheless. */
type Fault =
  /** `afterMs`: so much of the held time passes first. */
  | { readonly kind: "pass"; readonly afterMs?: number }
  /** The caller's time limit passes without an answer. */
  | { readonly kind: "hang" }
  | { readonly kind: "drop"; readonly forward: boolean }
  /**
   * The right answer, of whose body only the first bytes come, before the connection is dropped, or before the caller's
   * time limit passes.
   */
  | { readonly kind: "cutOff" | "stall"; readonly bytes: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly forward?: boolean;
      readonly withoutDate?: boolean;
    };

interface Proxy {
  readonly url: string;
  readonly host: string;
  /** In the order of arrival, including those that were not forwarded. */
  readonly requests: readonly IncomingMessage[];
  /** The same account, through this proxy. */
  connectionString(original: string): string;
  /** One for each of the next requests, in this order. */
  inject(...faults: readonly Fault[]): void;
  /** Forgets requests and faults. */
  reset(): void;
  stop(): void;
}

/** Forwards requests to `target` unchanged, host and signature included, unless a fault is due. */
async function startProxy(target: string): Promise<Proxy> {
  const requests: IncomingMessage[] = [];
  const faults: Fault[] = [];

  const server = createServer(async (incoming, response) => {
    requests.push(incoming);
    const fault: Fault = faults.shift() ?? { kind: "pass" };
    const body = await buffer(incoming);
    switch (fault.kind) {
      case "pass":
        await passTime(fault.afterMs ?? 0);
        return answerWith(await forward(target, incoming, body), response);
      case "hang":
        return passTime(callTimeoutMs);
      case "drop":
        if (fault.forward) await forward(target, incoming, body);
        incoming.socket.destroy();
        return;
      case "cutOff":
      case "stall": {
        const answer = await forward(target, incoming, body);
        response.writeHead(answer.status, answer.headers);
        const head = answer.body.subarray(0, fault.bytes);
        await new Promise<void>((resolve) => response.write(head, () => resolve()));
        if (fault.kind === "cutOff") return void incoming.socket.destroy();
        // A round trip, so that the caller has the first bytes before its time limit passes.
        await forward(target, incoming, body);
        return passTime(callTimeoutMs);
      }
      case "answer":
        if (fault.forward === true) await forward(target, incoming, body);
        response.sendDate = fault.withoutDate !== true;
        response.writeHead(fault.status, fault.headers).end(fault.body);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${portOf(server.address())}`;

  return {
    url: `http://${host}`,
    host,
    requests,
    connectionString: (original) => original.replace(new URL(blobEndpoint(original)).host, host),
    inject: (...next) => void faults.push(...next),
    reset: () => {
      requests.length = 0;
      faults.length = 0;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

async function forward(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(new URL(url ?? "", target), { method, headers }, resolve)
    .on("error", reject)
    .end(body);
  const answer = await promise;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
}

function answerWith({ status, headers, body }: Answer, response: ServerResponse): void {
  response.writeHead(status, headers).end(body);
}

const blobEndpoint = (connectionString: string): string =>
  /BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? "";

function portOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
