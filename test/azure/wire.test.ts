import { AsyncLocalStorage } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import { expect, test } from "vitest";
import { classifyFailure } from "../../src/azure/classifyFailure.ts";
import { callsThrough, wirePolicy } from "../../src/azure/wire.ts";

const garbageCollector = (): (() => void) => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
};

/** Makes one call and returns what can outlive it: the context that a connection would keep, and the answer. */
async function call() {
  let context: unknown;
  let answer: WeakRef<object> | undefined;
  const send = callsThrough(
    "Key Vault",
    async () => undefined,
    () => ({}),
  );
  const { kind, wire } = await send(1_000, () => {
    context = AsyncLocalStorage.snapshot();
    const request = createPipelineRequest({ url: "https://contoso.vault.azure.net" });
    const headers = createHttpHeaders({ "x-ms-request-id": "4711" });
    answer = new WeakRef(headers);
    const policy = wirePolicy(() => false);
    return policy.sendRequest(request, async () => ({ request, headers, status: 200, bodyAsText: "{}" }));
  });
  return { kind, requestId: wire.header("x-ms-request-id"), context, answer };
}

test("the SDK cannot be loaded → that call fails unsent, and the next ones load it and share a client", async () => {
  let [loads, opened] = [0, 0];
  const load = async () => {
    loads += 1;
    if (loads === 1) throw new Error("the module could not be loaded");
  };
  const call = callsThrough("Key Vault", load, () => ({ client: ++opened }));
  const first = await call(1_000, async (client) => client);
  if (first.kind !== "error") throw new Error(first.kind);
  expect(classifyFailure(first)).toMatchObject({ kind: "refused", problem: { code: "not-sent" } });
  const second = call(1_000, async ({ client }) => client);
  const third = call(1_000, async ({ client }) => client);
  expect(await second).toMatchObject({ kind: "value", value: 1 });
  expect(await third).toMatchObject({ kind: "value", value: 1 });
});

test("a connection outlives the call that opened it → the call's answer does not", async () => {
  const collect = garbageCollector();
  const { kind, requestId, context, answer } = await call();
  expect([kind, requestId]).toEqual(["value", "4711"]);
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(context).toBeTypeOf("function");
  expect(answer?.deref()).toBeUndefined();
});
