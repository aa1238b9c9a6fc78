import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deployedBundle } from "../support/bundle.ts";
import { kill } from "./kills.ts";
import type { ProcessCase } from "./processCase.ts";
import { race, races } from "./races.ts";
import { openSharedEnvironment, type SharedEnvironment } from "./sharedEnvironment.ts";
import { stop } from "./stops.ts";
import { gateway, runtime } from "./testedGateways.ts";

/** A call takes 20 ms. It may not time out on a busy machine: the keys that a case allows do not count that. */
const timeOuts = { callSeconds: 5, functionSeconds: 75 };

let shared: SharedEnvironment;
beforeAll(async () => {
  shared = await openSharedEnvironment(timeOuts, await deployedBundle());
});
afterAll(() => shared.close());

const [, , takeOver] = races;

/** One schedule of each kind. `npm run proof` runs all. */
const schedules: readonly (readonly [string, ProcessCase])[] = [
  [
    "killed between regenerate and store → recovery regenerates another key and stores that",
    kill(gateway, { request: "resourceManager POST regeneratekey #1", when: "after" }),
  ],
  [
    "killed after the store → recovery adopts the version and regenerates nothing",
    kill(gateway, { request: "keyVault PUT secrets/adf-gatewaytest-key #1", when: "after" }),
  ],
  [
    "stopped before its regenerate until a takeover → the verification replaces the key that it kills",
    stop(gateway, { request: "resourceManager POST regeneratekey #1", when: "before" }, "ticks"),
  ],
  [
    "stopped after its store while another run adopts its version → the published key always works",
    stop(runtime, { request: "keyVault PUT secrets/adf-sales-warehouse #1", when: "after" }, "another run"),
  ],
  [
    "a run and a tick that takes over, one of them killed → recovery leaves a working key",
    race(gateway, takeOver, { seed: 1, killing: true }),
  ],
];

describe("real processes: one killed, one stopped, two at once", () => {
  test.concurrent.for(schedules)("%s", async ([, { run }]) => {
    expect((await run(shared)).violations).toEqual([]);
  });
});
