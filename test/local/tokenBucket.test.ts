import { expect, test } from "vitest";
import { createTokenBucket } from "../../local/simulator/tokenBucket.ts";

test("an empty bucket → a Retry-After in whole seconds, after which a token is available", () => {
  let now = 0;
  const bucket = createTokenBucket({ capacity: 2, refillPerSecond: 0.4 }, () => now);
  expect([bucket.take().kind, bucket.take().kind]).toEqual(["taken", "taken"]);
  expect(bucket.take()).toEqual({ kind: "empty", retryAfterSeconds: 3 });
  now = 2000;
  expect(bucket.take()).toEqual({ kind: "empty", retryAfterSeconds: 1 });
  now = 3000;
  expect(bucket.take()).toEqual({ kind: "taken" });
});

test("a long pause → the bucket is full, not more than full", () => {
  let now = 0;
  const bucket = createTokenBucket({ capacity: 3, refillPerSecond: 10 }, () => now);
  bucket.take();
  now = 60_000;
  expect(bucket.remaining()).toBe(3);
});
