import { setImmediate as turn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { Fault, Simulator } from "../../local/simulator/types.ts";
import { patienceMs } from "../support/patience.ts";
import {
  callResourceManager,
  errorOf,
  gateway,
  otherGateway,
  regenerate,
  runtime,
  simulated,
} from "./simulated.ts";

/** A simulator whose Resource Manager has this fault once, and the key before the fault. */
async function faulty(fault: Fault): Promise<{ readonly simulator: Simulator; readonly old: string }> {
  const simulator = await simulated();
  simulator.inject({ service: "resourceManager", fault });
  return { simulator, old: simulator.keys(gateway)["key"] ?? "" };
}

test.each(["none", "applied"] as const)(
  "an answer by fault, effect %s → that answer; the key changes only if applied",
  async (effect) => {
    const headers = { "Retry-After": "7" };
    const { simulator, old } = await faulty({ kind: "answer", status: 503, headers, effect });
    const response = await regenerate(simulator);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "7"]);
    expect(response.headers.has("x-ms-correlation-request-id")).toBe(true);
    expect(await errorOf(response)).toMatchObject({ code: "ServiceUnavailable" });
    expect(simulator.accepts(gateway, old)).toBe(effect === "none");
    expect(simulator.requests.at(-1)?.status).toBe(503);
  },
);

test("a success status without a body → an empty body", async () => {
  const { simulator } = await faulty({ kind: "answer", status: 204, effect: "applied" });
  const response = await regenerate(simulator);
  expect([response.status, await response.text()]).toEqual([204, ""]);
});

test("the default error of every service → in the shape of that service", async () => {
  const simulator = await simulated();
  for (const service of ["identity", "keyVault", "ingestion"] as const) {
    simulator.inject({ service, fault: { kind: "answer", status: 500, effect: "none" } });
  }
  const ingestion = /IngestionEndpoint=([^;]+)/.exec(simulator.applicationInsightsConnectionString)?.[1];
  const bodies: unknown[] = [];
  for (const url of [simulator.identityEndpoint, `${simulator.vaultUrls["contoso"]}/secrets/a`, ingestion]) {
    const response = await fetch(url ?? "");
    expect(response.status).toBe(500);
    bodies.push(await response.json());
  }
  expect(bodies).toMatchObject([
    { statusCode: 500, message: expect.any(String) },
    { error: { code: "InternalServerError", message: expect.any(String) } },
    { itemsReceived: 0, itemsAccepted: 0, errors: [{ statusCode: 500 }] },
  ]);
});

test("a hanging call → no answer and no effect; the next call succeeds", async () => {
  const { simulator, old } = await faulty({ kind: "hang" });
  const hanging = regenerate(simulator).catch(() => "stopped");
  await vi.waitUntil(() => simulator.requests.some(({ url }) => url.includes("/regeneratekey")), patienceMs);
  // A whole call, during which an answer would arrive.
  expect((await callResourceManager(simulator, runtime, { method: "GET" })).status).toBe(200);
  expect(await Promise.race([hanging, "silence"])).toBe("silence");
  expect(simulator.accepts(gateway, old)).toBe(true);
  expect((await regenerate(simulator)).status).toBe(200);
});

test.each([
  ["before", true],
  ["after", false],
] as const)("a call %s the effect → at that moment the old key is accepted: %s", async (when, accepted) => {
  const seen: boolean[] = [];
  const run = async () => {
    await turn();
    seen.push(simulator.accepts(gateway, old));
  };
  const { simulator, old } = await faulty({ kind: "call", when, run });
  expect((await regenerate(simulator)).status).toBe(200);
  expect([seen, simulator.accepts(gateway, old)]).toEqual([[accepted], false]);
});

test("several rules → the first match with uses left applies, and only to its requests", async () => {
  const simulator = await simulated();
  const fail = (status: number): Fault => ({ kind: "answer", status, effect: "none" });
  const matches = ({ url }: { readonly url: string }) => url.includes("/other/");
  simulator.inject({ service: "keyVault", times: Number.POSITIVE_INFINITY, fault: fail(500) });
  simulator.inject({ service: "resourceManager", matches, fault: fail(409) });
  simulator.inject({ service: "resourceManager", times: 2, fault: fail(502) });

  const statuses: number[] = [];
  for (const id of [gateway, otherGateway, otherGateway, otherGateway]) {
    statuses.push((await regenerate(simulator, id)).status);
  }
  expect(statuses).toEqual([502, 409, 502, 200]);
});
