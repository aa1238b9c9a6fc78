import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { type BlobStorageOptions, createBlobStorage } from "../../src/azure/blobStorage.ts";
import type { BlobCondition, BlobStore } from "../../src/domain/blobStore.ts";
import { describeBlobStore } from "../contract/blobStore.ts";
import { credentialOf } from "../support/azure.ts";
import { holdTime } from "../support/heldTime.ts";
import {
  answer,
  blobEndpoint,
  callTimeoutMs,
  dropAfter,
  dropBefore,
  type Fault,
  type FaultProxy,
  startFaultProxy,
} from "./faultProxy.ts";

let azurite: Azurite;
let proxy: FaultProxy;
let containers = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startFaultProxy(blobEndpoint(azurite.connectionString));
});
afterAll(async () => {
  proxy.stop();
  await azurite.stop();
});

holdTime();

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
      ["400", answer(400), "refused", "bad-request", false],
      ["403", answer(403), "refused", "forbidden", false],
      ["404 without a code of storage", answer(404), "refused", "not-found", false],
      ["409 for another reason", answer(409), "refused", "conflict", false],
      ["412 for another reason", answer(412), "refused", "precondition-failed", false],
      ["429", answer(429), "refused", "throttled", false],
      ["500", answer(500), "unclear", "server-error", false],
      ["503", answer(503), "unclear", "server-error", false],
      ["500 after the write took effect", answer(500, { forward: true }), "unclear", "server-error", true],
      ["201 without an ETag", answer(201, { forward: true }), "unclear", "unusable-answer", true],
      [
        "a redirect",
        answer(307, { headers: { location: "/elsewhere" } }),
        "unclear",
        "unexpected-status",
        false,
      ],
      ["dropped before it took effect", dropBefore, "unclear", "connection-lost", false],
      ["dropped after it took effect", dropAfter, "unclear", "connection-lost", true],
      ["no answer in time", { kind: "hang" }, "unclear", "timed-out", false],
    ])("%s → its certain effect, after one request", async (_, fault, kind, code, done) => {
      proxy.inject(fault);
      const outcome = await store.write("new", "text", absent);
      expect(outcome).toMatchObject({ kind, problem: { code } });
      expect(sent()).toEqual([`PUT ${container}/new`]);
      expect(await exists("new")).toBe(done);
    });

    test.each<[string, Fault, "refused" | "unclear", string, string]>([
      ["403", answer(403), "refused", "forbidden", "before"],
      ["dropped before it took effect", dropBefore, "unclear", "connection-lost", "before"],
      ["dropped after it took effect", dropAfter, "unclear", "connection-lost", "before, more"],
    ])("an append, and %s → %j, and no second request", async (_, fault, kind, code, text) => {
      await store.append("log", "before");
      proxy.reset();
      proxy.inject(fault);
      expect(await store.append("log", ", more")).toMatchObject({ kind, problem: { code } });
      expect(sent()).toEqual([`PUT ${container}/log?comp=appendblock`]);
      expect(await store.read("log")).toMatchObject({ kind: "found", text });
    });

    test("the same write again after a lost answer → a conflict with itself", async () => {
      proxy.inject(dropAfter);
      await store.write("new", "text", absent);
      expect(await store.write("new", "text", absent)).toEqual({ kind: "conflict" });
      expect(await store.read("new")).toMatchObject({ kind: "found", text: "text" });
    });

    test("a refusal → its message has the service's code and the account's host", async () => {
      const headers = { "x-ms-error-code": "AuthorizationPermissionMismatch" };
      proxy.inject(answer(403, { headers, body: "<Error><Code>…</Code></Error>" }));
      const message = `Blob Storage ${proxy.host} answered 403 AuthorizationPermissionMismatch`;
      expect(await store.write("new", "text", absent)).toMatchObject({
        kind: "refused",
        problem: { message, transient: false },
      });
    });

    test("a lease on the blob → refused, and not a conflict, since reading again does not help", async () => {
      proxy.inject(answer(412, { headers: { "x-ms-error-code": "LeaseIdMissing" } }));
      expect(await store.write("existing", "text", { kind: "unchanged", etag: '"0x1"' })).toMatchObject({
        kind: "refused",
        problem: { message: expect.stringMatching(/412 LeaseIdMissing$/) },
      });
    });

    test("429 with Retry-After → the problem has the time to wait", async () => {
      proxy.inject(answer(429, { headers: { "retry-after": "3" } }));
      expect(await store.write("new", "text", absent)).toMatchObject({ problem: { retryAfterMs: 3000 } });
    });

    test("no server at the address → a write is refused and a read fails, with the host's name", async () => {
      const nowhere = await startFaultProxy(proxy.url);
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
      ["is forbidden", answer(403)],
      ["fails", answer(500)],
      ["loses its answer", dropAfter],
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
      proxy.inject({ kind: "pass" }, { kind: "pass" }, dropAfter);
      expect(await store.write("a", "text", absent)).toMatchObject({
        kind: "unclear",
        problem: { code: "connection-lost" },
      });
      expect(await exists("a")).toBe(true);
    });

    test("the container is still missing after its creation → refused after one more write", async () => {
      const missing: Fault = answer(404, { headers: { "x-ms-error-code": "ContainerNotFound" } });
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
      ["403", answer(403), "forbidden"],
      ["404 that is not about a blob", answer(404, { body: "<p>" }), "not-found"],
      ["500", answer(500), "server-error"],
      ["503", answer(503), "server-error"],
      ["a redirect", answer(302, { headers: { location: "/" } }), "unexpected-status"],
      ["a dropped connection", dropBefore, "connection-lost"],
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
      proxy.inject({ kind: "pass" }, answer(500));
      expect(await storeIn(container, 1).list("")).toMatchObject({
        kind: "failed",
        problem: { code: "server-error" },
      });
    });

    test("a list that cannot be parsed → failed", async () => {
      proxy.inject(answer(200, { body: "<p>unclosed" }));
      expect(await store.list("")).toMatchObject({ kind: "failed", problem: { code: "unusable-answer" } });
    });

    test("a remove whose answer was lost, again → removed", async () => {
      proxy.inject(dropAfter);
      expect(await store.remove("existing")).toMatchObject({ kind: "failed" });
      expect(await store.remove("existing")).toEqual({ kind: "removed" });
    });

    test("an answer without a date → failed, since runners compare only the service's times", async () => {
      const headers = { "x-ms-error-code": "BlobNotFound" };
      proxy.inject(answer(404, { headers, withoutDate: true }));
      expect(await store.read("existing")).toMatchObject({
        kind: "failed",
        problem: { code: "unusable-answer" },
      });
    });
  });

  describe("the end of the invocation", () => {
    const calls = {
      read: (blobs: BlobStore) => blobs.read("a"),
      write: (blobs: BlobStore) => blobs.write("a", "text", absent),
      append: (blobs: BlobStore) => blobs.append("a", "text"),
      remove: (blobs: BlobStore) => blobs.remove("a"),
      list: (blobs: BlobStore) => blobs.list("a"),
    };
    /** @param endsAt in milliseconds since 1970 */
    const blobsUntil = (endsAt: number) =>
      createBlobStorage({ ...accountBehindProxy(), container, callTimeoutMs })(endsAt);

    test.each(Object.entries(calls))(
      "a %s that is not answered → ends with the invocation",
      async (_, call) => {
        proxy.inject({ kind: "pass", afterMs: 2_000 });
        expect(await call(blobsUntil(Date.now() + 2_000))).toMatchObject({
          problem: {
            code: "timed-out",
            message: expect.stringMatching(/did not answer within [12](\.\d)? s/),
          },
        });
      },
    );

    test.each(Object.entries(calls))(
      "a %s after the invocation's end → not sent, and the problem gives that reason",
      async (_, call) => {
        expect(await call(blobsUntil(Date.now()))).toMatchObject({
          problem: { code: "not-sent", message: expect.stringContaining("the invocation's time is up") },
        });
        expect(proxy.requests).toEqual([]);
      },
    );
  });

  test("any failure → the account's key is in no outcome", async () => {
    const key = /AccountKey=([^;]+)/.exec(azurite.connectionString)?.[1] ?? "no key";
    for (const fault of [answer(403), dropBefore]) {
      proxy.inject(fault);
      const outcome = await store.write("new", "text", absent);
      expect(outcome.kind).not.toBe("written");
      expect(inspect(outcome, { depth: null, showHidden: true })).not.toContain(key);
    }
    expect(proxy.requests[0]?.headers.authorization).toMatch(/^SharedKey devstoreaccount1:/);
  });
});
