import { setImmediate as turn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { Fault, Simulator, SimulatorOptions } from "../../local/simulator/types.ts";
import { patienceMs } from "../support/patience.ts";
import {
  callResourceManager,
  errorOf,
  gateway,
  heldPause,
  otherGateway,
  regenerate,
  runtime,
  signedIn,
  simulated,
  vaultAudience,
} from "./simulated.ts";

/** A simulator whose Resource Manager has this fault once, and the key before the fault. */
async function faulty(
  fault: Fault,
  options: Partial<SimulatorOptions> = {},
): Promise<{ readonly simulator: Simulator; readonly old: string }> {
  const simulator = await simulated(options);
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

test("an answer with its own body → sent unchanged", async () => {
  const body = "<html>OK</html>";
  const { simulator } = await faulty({
    kind: "answer",
    status: 200,
    body,
    contentType: "text/html",
    effect: "none",
  });
  const response = await regenerate(simulator);
  expect([response.headers.get("content-type"), await response.text()]).toEqual(["text/html", body]);
});

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

test.each([0, 9])(
  "an answer cut off after %i bytes → takes effect; the rest of the body never arrives",
  async (bytes) => {
    const { simulator, old } = await faulty({ kind: "cutOff", bytes });
    const response = await regenerate(simulator);
    expect(response.status).toBe(200);
    expect(Number(response.headers.get("content-length"))).toBeGreaterThan(100);
    let received = "";
    const reading = (async () => {
      for await (const chunk of response.body ?? []) received += Buffer.from(chunk).toString();
    })();
    await expect(reading).rejects.toThrow("terminated");
    expect(received).toBe('{"key":" ADF'.slice(0, bytes));
    expect(simulator.accepts(gateway, old)).toBe(false);
    expect(simulator.requests.at(-1)?.status).toBeUndefined();
  },
);

test.each(["none", "applied"] as const)(
  "a dropped connection, effect %s → no answer; the key changes only if applied",
  async (effect) => {
    const { simulator, old } = await faulty({ kind: "drop", effect });
    await expect(regenerate(simulator)).rejects.toThrow("fetch failed");
    expect(simulator.accepts(gateway, old)).toBe(effect === "none");
    expect(simulator.requests.at(-1)?.status).toBeUndefined();
  },
);

test("a late call whose caller has gone → takes effect and gets no answer", async () => {
  const { pause, begun, end } = heldPause();
  const { simulator, old } = await faulty({ kind: "late", delayMs: 200 }, { pause });
  const headers = await signedIn(simulator, "https://management.azure.com");
  const url = `${simulator.resourceManagerUrl}${gateway}/regeneratekey?api-version=2015-10-01`;
  const caller = new AbortController();
  const called = fetch(url, { method: "POST", headers, signal: caller.signal });
  expect(await Promise.race([begun, called])).toBe(200);
  caller.abort();
  await expect(called).rejects.toMatchObject({ name: "AbortError" });
  expect(simulator.accepts(gateway, old)).toBe(true);
  end();
  await turn();
  expect(simulator.accepts(gateway, old)).toBe(false);
  expect(simulator.requests.at(-1)?.status).toBeUndefined();
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

test("faults are cleared → all services work again", async () => {
  const simulator = await simulated();
  simulator.inject({ service: "keyVault", times: Number.POSITIVE_INFINITY, fault: { kind: "hang" } });
  simulator.clearFaults();
  const headers = await signedIn(simulator, vaultAudience);
  const list = await fetch(`${simulator.vaultUrls["contoso"]}/secrets?api-version=7.4`, { headers });
  expect(list.status).toBe(200);
});
