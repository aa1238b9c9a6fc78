import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { watchEventLoop } from "../../src/process/eventLoop.ts";

function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("busy until it was seen to be idle, and again when it is worked", async () => {
  const isBusy = watchEventLoop();
  expect(isBusy()).toBe(true);
  await sleep(400);
  expect(isBusy()).toBe(false);
  work(400);
  await sleep(0);
  expect(isBusy()).toBe(true);
});

test("less than is worth judging by → what it was before", async () => {
  const isBusy = watchEventLoop();
  await sleep(400);
  expect(isBusy()).toBe(false);
  work(50);
  await sleep(0);
  expect(isBusy()).toBe(false);
});
