import { inspect } from "node:util";
import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { describe, expect, test } from "vitest";
import type { Fault, RecordedRequest } from "../../local/simulator/types.ts";
import { type RegenerateOutcome, toClientRequestId } from "../../src/domain/attempt.ts";
import { reveal } from "../../src/domain/redacted.ts";
import type { KeySlot, Target } from "../../src/domain/target.ts";
import { canary, clientTimeoutMs } from "../support/azure.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "../support/gateways.ts";
import { holdTime, noAnswerWithin } from "../support/heldTime.ts";
import { applied, refusal, withoutEffect } from "../support/requests.ts";
import { azure, useAzure, watch } from "../support/useAzure.ts";

useAzure();
holdTime();

const newId = () => toClientRequestId(crypto.randomUUID());

/** Regenerates once, and returns the requests that reached Resource Manager meanwhile. */
async function regenerate(target: Target, slot: KeySlot, fault?: Fault) {
  const sent = watch("resourceManager");
  if (fault !== undefined) azure.simulator.inject({ service: "resourceManager", times: Infinity, fault });
  const clientRequestId = newId();
  const outcome = await azure.keys.regenerate(target, slot, clientRequestId);
  return { outcome, requests: sent(), clientRequestId };
}

function only(requests: readonly RecordedRequest[]): RecordedRequest {
  const [request] = requests;
  if (request === undefined || requests.length > 1) throw new Error(`${requests.length} requests, not one`);
  return request;
}

describe("Regenerate a Gateway Key, by its REST reference", () => {
  test("the request → verb, URI with its casing, api-version, client request id, and no body", async () => {
    const { requests, clientRequestId } = await regenerate(gatewayTarget, "key");
    const request = only(requests);
    expect(request.method).toBe("POST");
    expect(request.url).toBe(
      "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest/regeneratekey?api-version=2015-10-01",
    );
    expect(request.headers["x-ms-client-request-id"]).toBe(clientRequestId);
    expect(request.body).toBe("");
    expect(request.headers["content-length"]).toBe("0");
    expect(request.headers["content-type"]).toBeUndefined();
    expect(request.headers["authorization"]).toMatch(/^Bearer \S+$/);
    expect(request.headers["user-agent"]).toMatch(/^gateway-key-rotation azsdk-js-arm-datafactory\//);
  });

  test("names with characters that a URI reserves → encoded, so that each stays one segment", async () => {
    const { requests } = await regenerate({ ...gatewayTarget, resourceGroupName: "a(b)/../c" }, "key");
    expect(only(requests).url).toContain("/resourcegroups/a(b)%2F..%2Fc/providers/");
  });

  test("200 → the key without the white space around it, and the ids of this answer", async () => {
    const headers = {
      "x-ms-request-id": "request-1",
      "x-ms-correlation-request-id": "correlation-1",
      "x-ms-routing-request-id": "WESTEUROPE:20261123T030000Z:correlation-1",
      "x-ms-ratelimit-remaining-subscription-writes": "1192",
    };
    const answer = applied(200, { headers, body: '{"key":" ADF#1\\n"}' });
    const { outcome, clientRequestId } = await regenerate(gatewayTarget, "key", answer);
    if (outcome.kind !== "applied") throw new Error(inspect(outcome));
    expect(reveal(outcome.key)).toBe("ADF#1");
    expect(outcome.trace).toEqual({
      clientRequestId,
      requestId: "request-1",
      correlationRequestId: "correlation-1",
      routingRequestId: "WESTEUROPE:20261123T030000Z:correlation-1",
      remainingSubscriptionWrites: 1192,
      status: 200,
      durationMs: expect.any(Number),
    });
  });

  test("the answers of the simulator → the headers of the reference, in their form", async () => {
    const { outcome } = await regenerate(gatewayTarget, "key");
    expect(outcome.trace).toMatchObject({
      routingRequestId: expect.stringMatching(/^[A-Z]+:\d{8}T\d{6}Z:\S+$/),
      remainingSubscriptionWrites: expect.any(Number),
    });
  });
});

test("a resource group in another script → encoded in the requests of every kind", async () => {
  const resourceGroupName = "größe";
  for (const [target, slot] of [
    [gatewayTarget, "key"],
    [runtimeTarget, "authKey1"],
    [synapseTarget, "authKey1"],
  ] as const) {
    const resourceId = target.resourceId.replace("/adf/", `/${resourceGroupName}/`);
    const { requests } = await regenerate({ ...target, resourceId, resourceGroupName }, slot);
    expect(only(requests).url.toLowerCase()).toContain("/resourcegroups/gr%c3%b6%c3%9fe/providers/");
  }
});

describe.each([
  [
    runtimeTarget,
    "Microsoft.DataFactory/factories/adf-sales/integrationRuntimes/warehouse/regenerateAuthKey?api-version=2018-06-01",
  ],
  [
    synapseTarget,
    "Microsoft.Synapse/workspaces/syn-research/integrationRuntimes/lab/regenerateAuthKey?api-version=2021-06-01-preview",
  ],
])("regenerateAuthKey of the kind $kind", (target, url) => {
  test("the request → as published, with our client request id and the slot", async () => {
    const { outcome, requests, clientRequestId } = await regenerate(target, "authKey2");
    const request = only(requests);
    expect(request.method).toBe("POST");
    expect(request.url).toBe(
      `/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/adf/providers/${url}`,
    );
    expect(request.headers["x-ms-client-request-id"]).toBe(clientRequestId);
    expect(JSON.parse(request.body)).toEqual({ keyName: "authKey2" });
    if (outcome.kind !== "applied") throw new Error(inspect(outcome));
    expect(reveal(outcome.key)).toBe(azure.simulator.keys(target.resourceId)["authKey2"]);
  });

  test("Data Factory's own client → sends the same requests, except for provider and api-version", async () => {
    const url = azure.simulator.resourceManagerUrl;
    const { integrationRuntimes } = new DataFactoryManagementClient(
      azure.credential,
      runtimeTarget.subscriptionId,
      { endpoint: url, $host: url, credentialScopes: "https://management.azure.com/.default" },
    );
    const { resourceGroupName, parentName, name } = runtimeTarget;
    const names = [resourceGroupName, parentName, name] as const;
    const sent = async (call: () => Promise<unknown>) => {
      const requests = watch("resourceManager");
      await call();
      const { method, url, body, headers } = only(requests());
      const [path = "", version = ""] = url.split("?");
      const operation = path.replace(target.resourceId, "").replace(runtimeTarget.resourceId, "");
      expect(version).toMatch(/^api-version=[\d-]+(?:preview)?$/);
      return [method, operation, body, headers["accept"], headers["content-type"]];
    };
    expect(await sent(() => azure.keys.regenerate(target, "authKey1", newId()))).toEqual(
      await sent(() => integrationRuntimes.regenerateAuthKey(...names, { keyName: "authKey1" })),
    );
    expect(await sent(() => azure.keys.listKeys(target))).toEqual(
      await sent(() => integrationRuntimes.listAuthKeys(...names)),
    );
  });

  test("an answer with only the other slot's key → unknown, and that key is not used", async () => {
    const { outcome } = await regenerate(target, "authKey2", applied(200, { body: '{"authKey1":"IR@1"}' }));
    expect(outcome).toMatchObject({ kind: "unknown", problem: { code: "no-key-in-answer" } });
  });

  test("listAuthKeys answers with one of the two keys → failed", async () => {
    const body = '{"authKey1":"IR@1"}';
    azure.simulator.inject({ service: "resourceManager", fault: withoutEffect(200, { body }) });
    expect(await azure.keys.listKeys(target)).toMatchObject({
      kind: "failed",
      problem: { code: "no-key-in-answer" },
    });
  });
});

type Row = [
  when: string,
  fault: Fault,
  kind: RegenerateOutcome["kind"],
  code: string,
  status?: number,
  transient?: boolean,
];
const refused = (status: number, code: string, transient: boolean): Row => [
  `${status}`,
  refusal(status),
  "unchanged",
  code,
  status,
  transient,
];
/** An answer to a request that took effect, after which the effect is unknown. */
const unknown = (
  when: string,
  status: number,
  code: string,
  answer: Parameters<typeof applied>[1] = {},
): Row => [when, applied(status, answer), "unknown", code, status];

/** What the caller gets for each answer, which is transient unless the row says otherwise. */
const rows: readonly Row[] = [
  refused(400, "bad-request", false),
  refused(402, "bad-request", false),
  refused(403, "forbidden", false),
  refused(404, "not-found", false),
  refused(409, "conflict", true),
  refused(412, "precondition-failed", true),
  refused(422, "bad-request", false),
  refused(429, "throttled", true),
  ...[201, 204, 304].map((status) => unknown(`${status}`, status, "unexpected-status")),
  ...[408, 499].map((status) => unknown(`${status}`, status, "timed-out")),
  ...[500, 502, 503, 504].map((status) => unknown(`${status}`, status, "server-error")),
  unknown("a redirect to the same host", 307, "unexpected-status", {
    headers: { location: "/elsewhere" },
    body: "",
  }),
  unknown("503 with Retry-After", 503, "server-error", { headers: { "retry-after": "1" } }),
  unknown("200 with an empty body", 200, "no-key-in-answer", { body: "" }),
  unknown("200 with an empty object", 200, "no-key-in-answer", { body: "{}" }),
  unknown("200 with an empty key", 200, "no-key-in-answer", { body: '{"key":" ","authKey1":" "}' }),
  unknown("200 with a key that is not a string", 200, "no-key-in-answer", {
    body: '{"key":7,"authKey1":{}}',
  }),
  unknown("200 with null", 200, "no-key-in-answer", { body: "null" }),
  unknown("200 with HTML", 200, "no-key-in-answer", {
    body: `<html>${canary}</html>`,
    contentType: "text/html",
  }),
  unknown("200 with a body that is not JSON", 200, "unusable-answer", { body: `{"key":"${canary}` }),
  ["200 cut off in the middle of the body", { kind: "cutOff", bytes: 40 }, "unknown", "connection-lost"],
  ["a dropped connection, without an effect", { kind: "drop", effect: "none" }, "unknown", "connection-lost"],
  ["a dropped connection, key replaced", { kind: "drop", effect: "applied" }, "unknown", "connection-lost"],
  ["no answer in time", noAnswerWithin(clientTimeoutMs), "unknown", "timed-out"],
];

describe.each([
  { of: "version 1", target: gatewayTarget, slot: "key" as const },
  { of: "version 2", target: runtimeTarget, slot: "authKey1" as const },
])("what the caller gets, $of", ({ target, slot }) => {
  test.each(rows)("%s → $2 ($3), one request", async (_, fault, kind, code, status, transient = true) => {
    const { outcome, requests, clientRequestId } = await regenerate(target, slot, fault);
    expect(outcome).toMatchObject({ kind, problem: { code, transient }, trace: { clientRequestId } });
    expect(outcome.trace.status).toBe(status);
    expect(only(requests).headers["x-ms-client-request-id"]).toBe(clientRequestId);
    expect(inspect(outcome, { depth: null, showHidden: true }) + JSON.stringify(outcome)).not.toContain(
      canary,
    );
  });

  test("429 with Retry-After → unchanged, with the time to wait; the call itself does not wait", async () => {
    const fault: Fault = refusal(429, { headers: { "retry-after": "17" } });
    const { outcome, requests } = await regenerate(target, slot, fault);
    expect(outcome).toMatchObject({
      kind: "unchanged",
      problem: { code: "throttled", retryAfterMs: 17_000 },
    });
    only(requests);
    expect(outcome.trace.durationMs).toBe(0);
  });

  test("404 → the message quotes the service", async () => {
    const body =
      '{"error":{"code":"ResourceGroupNotFound","message":"Resource group \'adf\' could not be found."}}';
    const { outcome } = await regenerate(target, slot, refusal(404, { body }));
    expect(outcome).toMatchObject({
      problem: {
        message:
          "Resource Manager answered 404 ResourceGroupNotFound: Resource group 'adf' could not be found.",
      },
    });
  });
});
