import { request as httpRequest } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { z } from "zod";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { createRoute } from "../../local/functionsHost/triggers.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { runs, test, until, writeFunctionApp } from "./functionApp.ts";

/** An app without a timer, so it needs no storage account. */
const source = `
  import { app } from "@azure/functions";
  const show = async (request) => ({
    jsonBody: {
      method: request.method,
      url: request.url,
      params: request.params,
      query: Object.fromEntries(request.query),
      headers: Object.fromEntries(request.headers),
      body: Buffer.from(await request.arrayBuffer()).toString("hex"),
    },
  });
  const anonymous = { authLevel: "anonymous" };
  app.http("show", {
    methods: ["GET", "HEAD", "POST"], authLevel: "function", route: "show/{kind}/of/{name}", handler: show,
  });
  app.http("administer", { methods: ["POST"], authLevel: "admin", handler: show });
  app.http("answer", {
    ...anonymous,
    handler: () => ({
      status: 207,
      headers: [["content-type", "application/x"], ["x-part", "1"], ["x-part", "2"]],
      body: Uint8Array.from({ length: 256 }, (_, index) => index),
    }),
  });
  app.http("nothing", { ...anonymous, handler: () => {} });
  app.http("throw", { ...anonymous, handler: () => { throw new Error("no luck today"); } });

  const meeting = Promise.withResolvers();
  let arrived = 0;
  app.http("meet", {
    ...anonymous,
    handler: () => {
      if (++arrived === 2) meeting.resolve();
      return meeting.promise;
    },
  });
  const released = Promise.withResolvers();
  app.http("release", { ...anonymous, handler: () => released.resolve() });
  app.http("wait", {
    ...anonymous,
    handler: async (_request, context) => {
      context.log("waiting");
      await released.promise;
      return { body: "late" };
    },
  });
`;

const Seen = z.object({
  method: z.string(),
  url: z.string(),
  params: z.record(z.string(), z.string()),
  query: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()),
  body: z.hex(),
});

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

const folder = temporaryFolder();
/** The host of all tests that need no own one. */
let host: FunctionsHost;

beforeAll(async () => {
  await writeFunctionApp(folder, source);
  host = await launchFunctionsHost({ folder, env: {} });
});

afterAll(async () => {
  await host?.stop();
});

const call = (functionPath: string, init?: RequestInit, { port } = host) =>
  fetch(`http://127.0.0.1:${port}/api/${functionPath}`, init);

const withKey = (init: RequestInit = {}, key = host.functionKey): RequestInit => ({
  ...init,
  headers: { ...Object.fromEntries(new Headers(init.headers)), "x-functions-key": key },
});

/** The request as the function `show` received it. */
const show = async (functionPath: string, init?: RequestInit) =>
  Seen.parse(await (await call(functionPath, withKey(init))).json());

describe.concurrent("a request", () => {
  test("path and query → reach the function decoded; repeated values are joined as in Azure", async () => {
    expect(await show("SHOW/a%20b/Of/c%2Fd?x=1%262&y=+&X=3&z")).toMatchObject({
      method: "GET",
      url: `http://127.0.0.1:${host.port}/api/SHOW/a%20b/Of/c%2Fd?x=1%262&y=+&X=3&z`,
      params: { kind: "a b", name: "c%2Fd" },
      query: { x: "1&2,3", y: " ", z: "" },
      body: "",
    });
  });

  test("headers → reach the function as sent, including those of Azure's authentication", async () => {
    const headers = { "x-ms-client-principal": "e30=", "X-Ms-Client-Principal-Name": "me", "x-empty": "" };
    expect((await show("show/a/of/b", { headers })).headers).toMatchObject({
      "x-ms-client-principal": "e30=",
      "x-ms-client-principal-name": "me",
      "x-empty": "",
      host: `127.0.0.1:${host.port}`,
    });
  });

  test("a binary body → reaches the function unchanged", async () => {
    expect(await show("show/a/of/b", { method: "POST", body: everyByte })).toMatchObject({
      method: "POST",
      body: Buffer.from(everyByte).toString("hex"),
    });
  });

  test("a chunked body → does not reach the function, as in Azure", async () => {
    const init = { method: "POST", body: new Blob(["abc"]).stream(), duplex: "half" } as const;
    expect(await show("show/a/of/b", init)).toMatchObject({
      headers: { "transfer-encoding": "chunked" },
      body: "",
    });
  });

  test("no such route or method → 404; a target that is not a URL → 400", async () => {
    const statuses = await Promise.all([
      call("absent"),
      call("show/a"),
      call("show/a/of/b", withKey({ method: "PUT" })),
      call("answer", { method: "HEAD" }),
      fetch(`http://127.0.0.1:${host.port}//`),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);

    const bad = Promise.withResolvers<number | undefined>();
    const asterisk = { host: "127.0.0.1", port: host.port, method: "OPTIONS", path: "*" };
    httpRequest(asterisk, ({ statusCode }) => bad.resolve(statusCode)).end();
    expect(await bad.promise).toBe(400);
  });

  test("a percent-encoded path → the route that it means", async () => {
    expect((await show("%73how/%61/OF/b")).params).toEqual({ kind: "a", name: "b" });
    expect((await fetch(`http://127.0.0.1:${host.port}/%61pi/answer`)).status).toBe(207);
  });
});

describe.concurrent("keys", () => {
  const keys = () => ({
    host: host.functionKey,
    master: host.masterKey,
    guess: "guess",
    none: "",
  });

  test.for([
    ["answer", "none", 207],
    ["answer", "guess", 207],
    ["show/a/of/b", "none", 401],
    ["show/a/of/b", "guess", 401],
    ["show/a/of/b", "host", 200],
    ["show/a/of/b", "master", 200],
    ["administer", "none", 401],
    ["administer", "host", 401],
    ["administer", "master", 200],
  ] as const)("%s with the key %s, in header or query → %i", async ([functionPath, name, expected]) => {
    const key = keys()[name];
    const method = functionPath === "administer" ? "POST" : "GET";
    const [inHeader, inQuery] = await Promise.all([
      call(functionPath, withKey({ method }, key)),
      call(`${functionPath}?Code=${key}`, { method }),
    ]);
    expect([inHeader.status, inQuery.status]).toEqual([expected, expected]);
    if (expected === 401) expect(await inHeader.text()).toBe("");
  });

  test("a wrong key in the header, the right one in the query → 401: the header wins", async () => {
    const response = await call(`show/a/of/b?code=${host.functionKey}`, withKey({}, "guess"));
    expect(response.status).toBe(401);
  });

  test("the key → reaches the function, but is in no log line of the host", async () => {
    const { functionKey, masterKey, port } = host;
    const functionPath = `show/leak/of/b?code=${functionKey}`;
    const { url, headers } = await show(functionPath);
    expect(url).toBe(`http://127.0.0.1:${port}/api/${functionPath}`);
    expect(headers["x-functions-key"]).toBe(functionKey);

    await call(`absent?code=${functionKey}`);
    await call(`administer?code=${masterKey}`, { method: "POST" });
    await until(host, () => host.output().includes("POST /api/administer → 200"));
    for (const text of [host.output(), JSON.stringify(host.logs)]) {
      expect(text).toContain("GET /api/show/leak/of/b → 200");
      expect(text).toContain("GET /api/absent → 404");
      expect(text).not.toContain(functionKey);
      expect(text).not.toContain(masterKey);
    }
  });
});

describe.concurrent("an answer", () => {
  test("status, headers and a binary body → returned unchanged", async () => {
    const response = await call("answer");
    expect(response.status).toBe(207);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/x",
      "x-part": "1, 2",
    });
    expect(await response.bytes()).toEqual(everyByte);
  });

  test("HEAD → status and headers without a body", async () => {
    const response = await call("show/a/of/b", withKey({ method: "HEAD" }));
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      200,
      "application/json",
      "",
    ]);
  });

  test("a handler that returns nothing → 204", async () => {
    expect((await call("nothing")).status).toBe(204);
  });

  test("a handler that throws → 500 with an empty body, and the invocation fails with its message", async () => {
    const response = await call("throw", { method: "POST", body: "abc" });
    expect([response.status, await response.text()]).toEqual([500, ""]);
    await until(host, () => runs(host, "throw") === 1);
    expect(host.invocations.find(({ functionName }) => functionName === "throw")?.outcome).toEqual({
      kind: "failed",
      message: "no luck today",
    });
  });
});

describe.concurrent("time", () => {
  test("two requests at once → run in parallel", async () => {
    const answers = await Promise.all([call("meet"), call("meet")]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
  });

  test("the front end's limit → 502, and the function runs to its end", async ({ launch }) => {
    const own = await launch({ folder, env: {}, frontEndTimeoutMs: 300 });
    const response = await call("wait", {}, own);
    expect([response.status, await response.text()]).toEqual([502, ""]);
    expect(runs(own, "wait")).toBe(0);
    await call("release", {}, own);
    await until(own, () => runs(own, "wait") === 1);
    expect(own.invocations.find(({ functionName }) => functionName === "wait")?.outcome.kind).toBe(
      "succeeded",
    );
  });

  test("a client that disconnects → the function runs to its end", async () => {
    const client = new AbortController();
    const waiting = call("wait", { signal: client.signal });
    waiting.catch(() => undefined);
    await until(host, () => host.logs.some(({ message }) => message === "waiting"));
    client.abort();
    await expect(waiting).rejects.toThrow("aborted");
    await call("release");
    await until(host, () => runs(host, "wait") === 1);
    expect(await (await call("wait")).text()).toBe("late");
  });

  test("an invocation over its time-out → 500; the host serves the next request", async ({ launch }) => {
    const own = await launch({ folder, env: { AzureFunctionsJobHost__functionTimeout: "00:00:03" } });
    expect((await call("wait", {}, own)).status).toBe(500);
    expect((await call("answer", {}, own)).status).toBe(207);
  });
});

describe.concurrent("starting", () => {
  test("the routes → listed, and logged", () => {
    expect(host.httpRoutes).toContainEqual({
      functionName: "show",
      methods: ["GET", "HEAD", "POST"],
      url: `http://127.0.0.1:${host.port}/api/show/{kind}/of/{name}`,
    });
    expect(host.httpRoutes.map(({ functionName }) => functionName)).toEqual(host.functions);
    expect(host.output()).toContain(`POST http://127.0.0.1:${host.port}/api/administer`);
  });

  test.for([
    ["a route", 'app.http("odd", { route: "a/{id?}", handler })', /"odd" cannot be started.*"\{id\?\}"/s],
    ["a trigger", 'app.storageQueue("odd", { queueName: "q", connection: "c", handler })', /queueTrigger/],
  ] as const)("%s that is not supported → no start, and the message names it", async (row, { launch }) => {
    const [what, registration, message] = row;
    const own = path.join(folder, what);
    const code = `import { app } from "@azure/functions"; const handler = () => {}; ${registration};`;
    await writeFunctionApp(own, code);
    await expect(launch({ folder: own, env: {} })).rejects.toThrow(message);
  });
});

describe("a route", () => {
  test.for([
    ["a trailing slash", "rotations/{runId}", "/Rotations/Run-1/", { runId: "Run-1" }],
    ["an empty parameter", "rotations/{runId}", "/rotations//", undefined],
    ["more segments", "rotations/{runId}", "/rotations/a/b", undefined],
    ["encoded parameters", "{a}/{b}", "/a%20%C3%A9%25/b%2Fc", { a: "a é%", b: "b%2Fc" }],
    ["an invalid encoding", "{a}", "/%zz", { a: "%zz" }],
  ] as const)("%s → the route %s matches %s with %j", ([, template, pathname, parameters]) => {
    expect(createRoute(template).match(pathname)).toEqual(parameters);
  });

  test.for(["{id:int}", "{*rest}", "{id=1}", "{a}-{b}", "v{major}", "{}", "{", "a+(b)*:c"])(
    "the segment %s → refused by name",
    (segment) => {
      expect(() => createRoute(`api/${segment}`)).toThrow(`does not support the route segment "${segment}"`);
    },
  );
});
