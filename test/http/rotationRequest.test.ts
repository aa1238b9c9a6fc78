import { describe, expect, test } from "vitest";
import { HttpProblem } from "../../src/http/exchange.ts";
import { chooseGateways, type RotationRequest, readRotationRequest } from "../../src/http/rotationRequest.ts";
import { gateway, runtime } from "../support/gateways.ts";

const good = { gateways: ["warehouse"], reason: "leaked" };

function read(body: unknown, headers: Readonly<Record<string, string>> = {}, stream = streamOf(body)) {
  const all: Readonly<Record<string, string>> = { "content-type": "application/json", ...headers };
  return readRotationRequest({
    url: "https://contoso.azurewebsites.net/api/rotations",
    headers: { get: (name) => all[name] ?? null },
    body: stream,
    params: {},
  });
}

function streamOf(body: unknown): AsyncIterable<Uint8Array> {
  return new Blob([typeof body === "string" ? body : JSON.stringify(body)]).stream();
}

async function refusal(...sent: Parameters<typeof read>) {
  const error = await read(...sent).catch((thrown: unknown) => thrown);
  if (!(error instanceof HttpProblem)) throw new Error("The request was accepted.");
  return error.facts;
}

const paths = ({ problems = [] }: HttpProblem["facts"]) => problems.map(({ path }) => path);

describe("a valid request", () => {
  test("a byte order mark in front of the body → read as if it were not there", async () => {
    expect(await read(`\uFEFF${JSON.stringify(good)}`)).toEqual(await read(good));
  });

  test("gateways and a reason alone → defaults for everything else", async () => {
    expect(await read(good)).toEqual({
      gateways: ["warehouse"],
      reason: "leaked",
      mode: "standard",
      dryRun: false,
      takeOwnership: false,
      idempotencyKey: undefined,
      isConfirmed: false,
      requestHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test("every property is given → every property is read", async () => {
    const all = { gateways: "*", reason: " leaked ", mode: "compromised", dryRun: true, takeOwnership: true };
    const headers = { "content-type": "Application/JSON; charset=utf-8", "idempotency-key": "b6e2" };
    expect(await read({ ...all, confirm: "*" }, headers)).toMatchObject({
      ...all,
      reason: "leaked",
      idempotencyKey: "b6e2",
      isConfirmed: true,
    });
  });

  test("two requests for the same → the same hash; for something else → another hash", async () => {
    const hashOf = async (body: object) => (await read(body)).requestHash;
    const hash = await hashOf({ ...good, gateways: ["a", "b"] });
    expect(await hashOf({ mode: "standard", reason: "leaked", gateways: ["b", "a", "b"] })).toBe(hash);
    const others = [
      { gateways: ["a"] },
      { reason: "else" },
      { mode: "compromised" },
      { takeOwnership: true },
    ];
    for (const other of others)
      expect(await hashOf({ ...good, gateways: ["a", "b"], ...other })).not.toBe(hash);
  });
});

describe("an invalid request", () => {
  test("several problems → all of them at once, each with rule and remedy", async () => {
    const facts = await refusal(
      { gateways: [], mode: "fast", dryRun: "yes", force: true, confirm: "yes" },
      { "idempotency-key": "two words" },
    );
    expect(facts).toMatchObject({ status: 400, code: "request-invalid" });
    expect(paths(facts).sort()).toEqual([
      "confirm",
      "dryRun",
      "force",
      "gateways",
      "header Idempotency-Key",
      "mode",
      "reason",
    ]);
    for (const problem of facts.problems ?? []) {
      expect(problem.rule).not.toBe("");
      expect(problem.remedy).not.toBe("");
    }
  });

  test.each([
    ["an empty body", "", ["(the whole body)"]],
    ["broken JSON", '{"gateways": [,]}', ["line 1, column 15"]],
    ["a property twice", '{"gateways":["a"],"reason":"x","reason":"y"}', ["reason"]],
    ["an array", "[]", ["(the whole body)"]],
    ["an empty reason", { ...good, reason: "  " }, ["reason"]],
    [
      "a key in the reason",
      { ...good, reason: "leaked: IR@066b1a89-e84f-47a4-a784-a753b2e06623@x" },
      ["reason"],
    ],
    ["a long reason", { ...good, reason: "x".repeat(201) }, ["reason"]],
    ["an empty name", { ...good, gateways: ["a", ""] }, ["gateways[1]"]],
    ["a name that is a number", { ...good, gateways: ["a", 7] }, ["gateways"]],
  ])("%s → 400 with the place", async (_what, body, expected) => {
    const facts = await refusal(body);
    expect(facts.status).toBe(400);
    expect(paths(facts)).toEqual(expected);
  });

  test.each(["", "text/plain", "application/x-www-form-urlencoded"])(
    "the content type %j → 415",
    async (type) => {
      expect(await refusal(good, { "content-type": type })).toMatchObject({
        status: 415,
        code: "unsupported-media-type",
      });
    },
  );

  test("a body over the limit → 413, and the rest is not read", async () => {
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += 1;
        yield new Uint8Array(1024);
      }
    }
    const facts = await refusal("", {}, endless());
    expect(facts).toMatchObject({ status: 413, code: "body-too-large" });
    expect(sent).toBeLessThan(100);
  });

  const key = "IR@066b1a89-e84f-47a4-a784-a753b2e06623@adf@wu@c2VjcmV0";

  test.each([
    ["a value that looks like a key", { ...good, mode: key }],
    ["JSON that is broken before a key", `{"mode": ${key}}`],
    ["JSON that is broken inside a key", `{"mode": "${key.replace("c2V", '"c2V')}}`],
  ])("%s → the answer does not repeat it", async (_what, body) => {
    expect(JSON.stringify(await refusal(body))).not.toMatch(/c2V|066b1a89/);
  });
});

describe("the gateways that a request names", () => {
  const configured = [gateway(), runtime()];
  const request: RotationRequest = {
    gateways: [],
    reason: "leaked",
    mode: "standard",
    dryRun: false,
    takeOwnership: false,
    isConfirmed: false,
    requestHash: "",
    idempotencyKey: undefined,
  };

  const choose = (gateways: RotationRequest["gateways"], asked: Partial<RotationRequest> = {}) =>
    chooseGateways({ ...request, gateways, ...asked }, configured);

  test("all gateways, or some by name in any case → in the order of the configuration", () => {
    expect(choose("*", { isConfirmed: true })).toEqual(configured);
    expect(choose(["WareHouse", "gatewaytest", "warehouse"])).toEqual(configured);
    expect(choose(["warehouse"])).toEqual([runtime()]);
  });

  test.each([
    ["stops a version 1 gateway", [gateway(), runtime()], {}, /stops version 1 gateways .*\(gatewaytest\)/],
    ["replaces every key", [runtime()], { mode: "compromised" }, /every key of every gateway/],
  ] as const)("all gateways, which %s, without confirm → 400", (_what, all, asked, rule) => {
    const wanted = { ...request, gateways: "*", ...asked } as const;
    expect(() => chooseGateways(wanted, all)).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({
          status: 400,
          problems: [expect.objectContaining({ path: "confirm", rule: expect.stringMatching(rule) })],
        }),
      }),
    );
    expect(chooseGateways({ ...wanted, isConfirmed: true }, all)).toEqual(all);
    expect(chooseGateways({ ...wanted, dryRun: true }, all)).toEqual(all);
  });

  test("all gateways, and a rotation stops none of them → no confirm is needed", () => {
    expect(chooseGateways({ ...request, gateways: "*" }, [runtime()])).toEqual([runtime()]);
  });

  test("unknown names → 404 that lists them all; a typing error → with the nearest name", () => {
    const detail = expect.stringMatching('"Warehuose" \\(did you mean warehouse\\?\\), "paint"\\.');
    expect(() => choose(["warehouse", "Warehuose", "paint"])).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({ status: 404, code: "gateways-unknown", detail }),
      }),
    );
  });
});
