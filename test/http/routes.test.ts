import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { readSampleGateways } from "../../local/sample.ts";
import { endLateWrites } from "../support/journalBlobs.ts";
import { patienceMs } from "../support/patience.ts";
import { isRegenerate, refusal, withoutEffect } from "../support/requests.ts";
import {
  host,
  latest,
  launch,
  refused,
  regenerates,
  runIn,
  send,
  services,
  testThatNoKeyWasLogged,
  useDeployedApp,
} from "./deployedApp.ts";

useDeployedApp();
// Many of these tests rotate the same gateways.
afterEach(() => endLateWrites(services));

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
    fault: refusal(status),
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
      fault: refusal(503),
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
      fault: withoutEffect(200, { body: '{"value":[]}', contentType: "application/json" }),
    });
    const problems = await send("rotations", { body: { gateways: "*", reason: "x", dryRun: true } });
    expect(problems.status).toBe(207);
    expect(JSON.parse(problems.text)).toMatchObject({ ready: false });
    expect(problems.text).toContain("permission-missing");
    expect(regenerates()).toBe(before);
  });

  test.each([
    ["several mistakes", 400, "request-invalid", { gateways: [], mode: "x" }],
    ["a long body", 413, "body-too-large", { gateways: "*", reason: "x".repeat(70_000) }],
  ])("%s → %i %s", async (_what, status, code, body) => {
    const before = regenerates();
    expect(await refused(send("rotations", { body }))).toMatchObject({ status, code, effect: "unchanged" });
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
      directory: import.meta.dirname,
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

testThatNoKeyWasLogged();
