import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createDeliveryQueue, type Delivery } from "../../src/azure/deliveryQueue.ts";

/** Sends that stay open until the test settles them. */
function createManualSends() {
  const sends: { batch: readonly number[]; signal: AbortSignal; settle(delivery: Delivery): void }[] = [];
  const send = (batch: readonly number[], signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<Delivery>();
    sends.push({ batch, signal, settle: resolve });
    return promise;
  };
  return { sends, send };
}

describe("createDeliveryQueue", () => {
  test("items pushed while a batch is under way → go together in the next one, in order", async () => {
    const { sends, send } = createManualSends();
    const queue = createDeliveryQueue({ send, batchSize: 3, timeLimitMs: 5_000 });

    for (const item of [1, 2, 3, 4, 5]) queue.push(item);
    const flushed = queue.flush();
    for (const accepted of [1, 3, 1]) {
      sends.at(-1)?.settle({ accepted });
      await delay(1);
    }

    expect(sends.map(({ batch }) => batch)).toEqual([[1], [2, 3, 4], [5]]);
    expect(await flushed).toMatchObject({ lost: 0 });
  });

  test("another invocation goes on pushing → a flush waits for its own items only", async () => {
    const { sends, send } = createManualSends();
    const queue = createDeliveryQueue({ send, batchSize: 3, timeLimitMs: 5_000 });

    queue.push(1);
    const flushed = queue.flush();
    queue.push(2);
    sends[0]?.settle({ accepted: 1 });

    expect(await flushed).toMatchObject({ lost: 0 });
    expect(sends.map(({ batch }) => batch)).toEqual([[1], [2]]);
  });

  test("the time limit passes → all that the flush waited for is lost, what came later is still sent", async () => {
    const { sends, send } = createManualSends();
    const queue = createDeliveryQueue({ send, batchSize: 2, timeLimitMs: 50 });

    for (const item of [1, 2, 3, 4]) queue.push(item);
    await delay(25);
    const flushed = queue.flush();
    queue.push(5);

    expect(await flushed).toEqual({ lost: 4, problem: "not delivered within 50 ms" });
    expect(sends.map(({ batch }) => batch)).toEqual([[1], [2, 3], [5]]);
    expect(sends.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  });

  test("an item comes after a flush began → it does not share a batch with those the flush waits for", async () => {
    const { sends, send } = createManualSends();
    const queue = createDeliveryQueue({ send, batchSize: 10, timeLimitMs: 5_000 });

    queue.push(1);
    queue.push(2);
    const flushed = queue.flush();
    queue.push(3);
    sends[0]?.settle({ accepted: 1 });
    await delay(1);
    sends[1]?.settle({ accepted: 1 });
    await flushed;

    expect(sends.map(({ batch }) => batch)).toEqual([[1], [2], [3]]);
  });

  test("a sender that neither answers nor heeds its signal → the next batch goes out all the same", async () => {
    const { sends, send } = createManualSends();
    const queue = createDeliveryQueue({ send, batchSize: 1, timeLimitMs: 30 });

    queue.push(1);
    queue.push(2);
    await delay(45);
    sends[1]?.settle({ accepted: 1 });

    expect(await queue.flush()).toEqual({ lost: 1, problem: "no answer within 30 ms" });
  });

  test("a sender that throws → its items are lost, the reason is kept, and the queue goes on", async () => {
    let calls = 0;
    const queue = createDeliveryQueue<number>({
      send(batch) {
        calls += 1;
        if (calls === 1) throw new Error("no such key");
        return Promise.resolve({ accepted: batch.length });
      },
      batchSize: 1,
      timeLimitMs: 5_000,
    });

    for (const item of [1, 2, 3]) queue.push(item);

    expect(await queue.flush()).toEqual({ lost: 1, problem: "no such key" });
    expect(await queue.flush()).toEqual({ lost: 0, problem: undefined });
    expect(calls).toBe(3);
  });
});
