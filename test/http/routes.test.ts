import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { readSampleGateways } from "../../local/sample.ts";
import { type Services, startServices } from "../../local/services.ts";
import { deployedBundle } from "../support/bundle.ts";
import { patienceMs } from "../support/patience.ts";
import { isRegenerate } from "../support/requests.ts";

/** The deployed bundle in the local functions host, called over HTTP. */

const canary = "CANARY5d1c0";
let folder: string;
let services: Services;
let host: FunctionsHost;
const hosts: FunctionsHost[] = [];

beforeAll(async () => {
  [services, folder] = await Promise.all([
    startServices({
      settings: { CALL_TIMEOUT_SECONDS: "3", AzureFunctionsJobHost__functionTimeout: "00:00:45" },
      simulator: { canary },
    }),
    deployedBundle(),
  ]);
  host = await launch();
});
afterEach(() => services.simulator.clearFaults());
afterAll(async () => {
  await Promise.all(hosts.map((each) => each.stop()));
  await services.stop();
});

async function launch(
  settings: Readonly<Record<string, string>> = {},
  options: { readonly frontEndTimeoutMs?: number } = {},
): Promise<FunctionsHost> {
  const env = { ...services.settings, ...settings };
  const launched = await launchFunctionsHost({ folder, env, ...options });
  hosts.push(launched);
  return launched;
}

interface Sent {
  readonly method?: "GET" | "POST";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly on?: FunctionsHost;
}

async function send(route: string, { method = "POST", body, headers = {}, on = host }: Sent = {}) {
  const response = await fetch(`http://127.0.0.1:${on.port}/api/${route}`, {
    method,
    headers: {
      "x-functions-key": on.functionKey,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const Run = z.object({
  run: z.string(),
  state: z.enum(["running", "settled"]),
  requestedBy: z.string(),
  rotated: z.number(),
  failed: z.number(),
  pending: z.number(),
  gateways: z.array(
    z.looseObject({ name: z.string(), state: z.string(), secretVersion: z.string().optional() }),
  ),
});
const Problem = z.looseObject({
  type: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  effect: z.enum(["unchanged", "unknown", "applied"]),
  nextAction: z.string().min(1),
  problems: z.array(z.looseObject({ path: z.string(), rule: z.string(), remedy: z.string() })).optional(),
});

const runIn = ({ text }: { readonly text: string }) => Run.parse(JSON.parse(text));

async function refused(answer: ReturnType<typeof send>) {
  const { status, headers, text } = await answer;
  expect(headers.get("content-type")).toBe("application/problem+json");
  const problem = Problem.parse(JSON.parse(text));
  expect(problem.status).toBe(status);
  return problem;
}

const regenerates = () => services.simulator.requests.filter(isRegenerate).length;
const latest = (vault: string, name: string) => services.simulator.secrets(vault).get(name)?.versions.at(-1);

/** Lets ticks of resume pass until the run is settled. */
async function settled(run: string) {
  const endsAt = Date.now() + patienceMs;
  const read = async () => runIn(await send(`rotations/${run}`, { method: "GET" }));
  while ((await read()).state === "running" && Date.now() < endsAt) {
    await sleep(1000);
    await host.trigger("resumeRotations");
  }
  return read();
}

const refuseGatewaytest = (status: number) =>
  services.simulator.inject({
    service: "resourceManager",
    matches: (request) => isRegenerate(request) && request.url.includes("gatewaytest"),
    fault: { kind: "answer", status, effect: "none" },
  });

describe("POST /api/rotations", () => {
  test("one gateway is requested → 200, a version with reason and caller, and a run to read", async () => {
    const before = regenerates();
    const answer = await send("rotations", {
      body: { gateways: ["warehouse"], reason: "leaked in a ticket" },
    });
    expect(answer.status).toBe(200);
    const run = runIn(answer);
    const version = latest("vault-20443", "adf-sales-warehouse");
    expect(run).toMatchObject({
      state: "settled",
      requestedBy: "function-key",
      rotated: 1,
      gateways: [{ name: "warehouse", state: "rotated", secretVersion: version?.version }],
    });
    expect(version?.tags).toMatchObject({
      trigger: "http",
      reason: "leaked in a ticket",
      "requested-by": "function-key",
    });
    expect(regenerates()).toBe(before + 1);

    const read = await send(`rotations/${run.run}`, { method: "GET" });
    expect(read.status).toBe(200);
    expect(read.text).toBe(answer.text);
    expect(read.headers.get("cache-control")).toBe("no-store");
  });

  test("five requests with one Idempotency-Key → one run, one answer, one regenerate per gateway", async () => {
    const before = regenerates();
    const body = { gateways: "*", confirm: "*", reason: "five at once" };
    const headers = { "idempotency-key": crypto.randomUUID() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => send("rotations", { body, headers })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(regenerates()).toBe(before + 3);

    const again = await send("rotations", { body, headers });
    expect(again.text).toBe(answers[0]?.text);
    expect(regenerates()).toBe(before + 3);
    const other = { ...body, reason: "something else" };
    expect(await refused(send("rotations", { body: other, headers }))).toMatchObject({
      status: 409,
      code: "idempotency-key-reused",
      effect: "unchanged",
    });
    expect(regenerates()).toBe(before + 3);
  });

  test("one gateway is refused for good → 207 with its next action, and the others are rotated", async () => {
    refuseGatewaytest(404);
    const answer = await send("rotations", {
      body: { gateways: "*", confirm: "*", reason: "one is refused" },
    });
    expect(answer.status).toBe(207);
    expect(runIn(answer)).toMatchObject({ rotated: 2, failed: 1 });
    expect(runIn(answer).gateways.find(({ state }) => state === "failed")).toMatchObject({
      name: "gatewaytest",
      code: "regenerate-not-found",
      effect: "unchanged",
      nextAction: expect.stringContaining("resourceId"),
    });
  });

  test("one gateway is refused by role → 202 at once, and the run says until when it tries again", async () => {
    refuseGatewaytest(403);
    const answer = await send("rotations", {
      body: { gateways: "*", confirm: "*", reason: "one is refused" },
    });
    expect(answer.status).toBe(202);
    const run = runIn(answer);
    expect(run).toMatchObject({ state: "running", rotated: 2, failed: 0, pending: 1 });
    const refusal = {
      state: "pending",
      code: "regenerate-forbidden",
      effect: "unchanged",
      nextAction: expect.stringMatching(/role.+tries again until \d{4}-/),
    };
    const read = await send(`rotations/${run.run}`, { method: "GET" });
    for (const { gateways } of [run, runIn(read)])
      expect(gateways.find(({ name }) => name === "gatewaytest")).toMatchObject(refusal);
    services.simulator.clearFaults();
    expect(await settled(run.run)).toMatchObject({ rotated: 3, failed: 0 });
  });

  test("a vault is down until the answer is due → 202 with Location, and resume finishes the run", async () => {
    services.simulator.inject({
      service: "keyVault",
      fault: { kind: "answer", status: 503, effect: "none" },
      times: Number.POSITIVE_INFINITY,
    });
    const before = regenerates();
    const answer = await send("rotations", { body: { gateways: ["warehouse"], reason: "vault is down" } });
    expect(answer.status).toBe(202);
    const { run } = runIn(answer);
    expect(answer.headers.get("location")).toBe(`/api/rotations/${run}`);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(runIn(answer)).toMatchObject({
      state: "running",
      pending: 1,
      gateways: [{ code: "vault-server-error" }],
    });
    expect(regenerates()).toBe(before);

    services.simulator.clearFaults();
    expect(await settled(run)).toMatchObject({ rotated: 1, gateways: [{ state: "rotated" }] });
    expect(regenerates()).toBe(before + 1);
  });

  test("the front end cuts the answer off → the same Idempotency-Key returns the finished run", async () => {
    const on = await launch({}, { frontEndTimeoutMs: 300 });
    const before = regenerates();
    const cutOff = Promise.withResolvers<void>();
    const untilCutOff = { kind: "call", when: "before", run: () => cutOff.promise } as const;
    services.simulator.inject({ service: "resourceManager", matches: isRegenerate, fault: untilCutOff });
    const headers = { "idempotency-key": crypto.randomUUID() };
    const sent = { headers, body: { gateways: ["warehouse"], reason: "cut off" } };
    expect((await send("rotations", { ...sent, on })).status).toBe(502);
    cutOff.resolve();
    const answer = await send("rotations", sent);
    expect(answer.status).toBe(200);
    expect(runIn(answer).gateways).toMatchObject([
      { state: "rotated", secretVersion: latest("vault-20443", "adf-sales-warehouse")?.version },
    ]);
    expect(regenerates()).toBe(before + 1);
  });

  test("mode compromised, two keys → both are replaced, and the published one always works", async () => {
    const of = (await readSampleGateways()).gateways.find(({ resourceId }) =>
      resourceId.endsWith("warehouse"),
    );
    const resourceId = of?.resourceId ?? "";
    const { simulator } = services;
    await send("rotations", { body: { gateways: ["warehouse"], reason: "to have a published key" } });
    const leaked = Object.values(simulator.keys(resourceId));
    const alive: boolean[] = [];
    const record = () =>
      void alive.push(
        simulator.accepts(resourceId, latest("vault-20443", "adf-sales-warehouse")?.value ?? ""),
      );
    for (const service of ["resourceManager", "keyVault"] as const)
      for (const when of ["before", "after"] as const)
        simulator.inject({
          service,
          fault: { kind: "call", when, run: record },
          times: Number.POSITIVE_INFINITY,
        });
    const answer = await send("rotations", {
      body: { gateways: ["warehouse"], reason: "both leaked", mode: "compromised" },
    });
    expect(answer.status).toBe(200);
    expect(leaked.map((key) => simulator.accepts(resourceId, key))).toEqual([false, false]);
    expect(alive.length).toBeGreaterThan(4);
    expect(alive).not.toContain(false);
  });

  test("a dry run → 200 or 207 with what would happen, and no regenerate", async () => {
    const before = regenerates();
    const answer = await send("rotations", { body: { gateways: "*", reason: "first check", dryRun: true } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      dryRun: true,
      ready: true,
      gateways: [
        { ready: true, would: "rotate", problems: [] },
        { ready: true, would: "rotate", problems: [] },
        { ready: true, would: "rotate", problems: [] },
      ],
    });
    services.simulator.inject({
      service: "resourceManager",
      matches: ({ url }) => /authorization\/permissions/i.test(url) && url.includes("gatewaytest"),
      fault: {
        kind: "answer",
        status: 200,
        body: '{"value":[]}',
        contentType: "application/json",
        effect: "none",
      },
    });
    const problems = await send("rotations", { body: { gateways: "*", reason: "x", dryRun: true } });
    expect(problems.status).toBe(207);
    expect(JSON.parse(problems.text)).toMatchObject({ ready: false });
    expect(problems.text).toContain("permission-missing");
    expect(regenerates()).toBe(before);
  });

  test.each([
    ["several mistakes", 400, "request-invalid", { body: { gateways: [], mode: "x" } }],
    ["not JSON", 400, "request-invalid", { body: "{" }],
    ["an unknown name", 404, "gateways-unknown", { body: { gateways: ["x"], reason: "x" } }],
    ["a long body", 413, "body-too-large", { body: { gateways: "*", reason: "x".repeat(70_000) } }],
    [
      "no content type",
      415,
      "unsupported-media-type",
      { body: "{}", headers: { "content-type": "text/plain" } },
    ],
  ] satisfies [string, number, string, Sent][])("%s → %i %s", async (_what, status, code, sent) => {
    const before = regenerates();
    expect(await refused(send("rotations", sent))).toMatchObject({ status, code, effect: "unchanged" });
    expect(regenerates()).toBe(before);
  });
});

describe("the reading routes", () => {
  test("GET of an unknown run → 404", async () => {
    for (const id of ["http-0", "..%2Fgateways%2Fx", "a b"])
      expect(await refused(send(`rotations/${id}`, { method: "GET" }))).toMatchObject({
        status: 404,
        code: "run-not-found",
      });
  });

  test("GET /api/gateways → every configured gateway with its state and its latest version", async () => {
    await send("rotations", { body: { gateways: "*", confirm: "*", reason: "all" } });
    const { status, text } = await send("gateways", { method: "GET" });
    expect(status).toBe(200);
    const { gateways } = JSON.parse(text);
    expect(gateways).toHaveLength(3);
    expect(gateways).toContainEqual(
      expect.objectContaining({
        name: "warehouse",
        state: "rotated",
        secretVersion: latest("vault-20443", "adf-sales-warehouse")?.version,
        rotatedAt: expect.stringMatching(/^2\d{3}-/),
      }),
    );
  });
});

describe("the caller of a route", () => {
  const principal = (...roles: readonly string[]) => ({
    "x-ms-client-principal": Buffer.from(
      JSON.stringify({
        name_typ: "name",
        role_typ: "roles",
        claims: [{ typ: "name", val: "ana@contoso.com" }, ...roles.map((val) => ({ typ: "roles", val }))],
      }),
    ).toString("base64"),
  });
  const body = { gateways: ["warehouse"], reason: "x" };

  test("no function key, or a wrong one → 401", async () => {
    for (const key of ["", "wrong"])
      expect((await send("rotations", { body, headers: { "x-functions-key": key } })).status).toBe(401);
  });

  test("a principal header without platform authentication → ignored", async () => {
    expect(
      runIn(await send("rotations", { body, headers: principal("Rotation.Operator") })).requestedBy,
    ).toBe("function-key");
  });

  test("OPERATOR_ROLE without platform authentication → 503 on every route", async () => {
    const on = await launch({ OPERATOR_ROLE: "Rotation.Operator" });
    const sent = { on, headers: principal("Rotation.Operator") };
    for (const answer of [
      send("rotations", { ...sent, body }),
      send("rotations/http-0", { ...sent, method: "GET" }),
      send("gateways", { ...sent, method: "GET" }),
    ])
      expect(await refused(answer)).toMatchObject({ status: 503, code: "platform-authentication-off" });
  });

  test("OPERATOR_ROLE with platform authentication → 401, 403, or the verified name on the version", async () => {
    const on = await launch({ OPERATOR_ROLE: "Rotation.Operator", WEBSITE_AUTH_ENABLED: "True" });
    const headers = { "x-ms-client-principal": "%" };
    expect(await refused(send("rotations", { on, body, headers }))).toMatchObject({ status: 401 });
    expect(await refused(send("rotations", { on, body }))).toMatchObject({ status: 401 });
    expect(await refused(send("rotations", { on, body, headers: principal("Reader") }))).toMatchObject({
      status: 403,
    });
    const answer = await send("rotations", { on, body, headers: principal("Rotation.Operator") });
    expect(answer.status).toBe(200);
    expect(runIn(answer).requestedBy).toBe("ana@contoso.com");
    expect(latest("vault-20443", "adf-sales-warehouse")?.tags["requested-by"]).toBe("ana@contoso.com");
  });
});

describe("requests that cannot be served", () => {
  test("a wrong configuration → 503 with every problem, and an existing run can be read", async () => {
    const { run } = runIn(await send("rotations", { body: { gateways: ["warehouse"], reason: "x" } }));
    const on = await launch({ GATEWAYS: '{"gateways":[{"resourceId":"x","rotateEveryDays":0}]}' });
    const problem = await refused(send("rotations", { on, body: { gateways: "*", reason: "x" } }));
    expect(problem).toMatchObject({ status: 503, code: "configuration-invalid", effect: "unchanged" });
    expect(problem.problems?.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["gateways[0].resourceId", "gateways[0].rotateEveryDays"]),
    );
    expect(await refused(send("gateways", { on, method: "GET" }))).toMatchObject({ status: 503 });
    expect((await send(`rotations/${run}`, { on, method: "GET" })).status).toBe(200);
  });

  test("storage refuses access → 503, and no other service is called", async () => {
    const ofAzure = () => services.simulator.requests.filter(({ service }) => service !== "ingestion").length;
    const before = ofAzure();
    const storage = services.settings["AzureWebJobsStorage"]?.replace(
      /AccountKey=[^;]+/,
      "AccountKey=d3Jvbmc=",
    );
    const { createApp } = await import("../../src/app.ts");
    const app = createApp({
      env: { ...services.settings, AzureWebJobsStorage: storage },
      directory: folder,
    });
    const response = await app.requestRotation(
      {
        url: "https://contoso.azurewebsites.net/api/rotations",
        headers: { get: (name) => (name === "content-type" ? "application/json" : null) },
        body: new Blob([JSON.stringify({ gateways: ["warehouse"], reason: "x" })]).stream(),
        params: {},
      },
      { invocationId: "i", log() {}, warn() {}, error() {} },
    );
    expect(JSON.parse(response.body)).toMatchObject({
      status: 503,
      code: "storage-forbidden",
      effect: "unchanged",
    });
    expect(ofAzure()).toBe(before);
  });
});

test("all of these requests → no gateway key and no function key in any log or output", () => {
  for (const { logs, output, functionKey, masterKey } of hosts) {
    const all = JSON.stringify(logs) + output();
    expect(logs.length).toBeGreaterThan(0);
    for (const secret of [canary, functionKey, masterKey]) expect(all).not.toContain(secret);
  }
});
