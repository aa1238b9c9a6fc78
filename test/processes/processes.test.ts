import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Case } from "./cases.ts";
import { kill } from "./kills.ts";
import { type Lab, openLab } from "./lab.ts";
import { race, races } from "./races.ts";
import { stop } from "./stops.ts";
import { gateway, runtime } from "./subjects.ts";

/** A call takes 20 ms. It may not time out on a busy machine: the keys that a case allows do not count that. */
const times = { callTimeoutSeconds: 5, functionTimeoutSeconds: 75 };

let lab: Lab;
beforeAll(async () => {
  lab = await openLab(times);
});
afterAll(() => lab.close());

const [, , takeOver] = races;

/** One schedule of each kind; `npm run proof` runs all of them. */
const schedules: readonly (readonly [string, Case])[] = [
  [
    "killed between regenerate and store → another key is made and stored",
    kill(gateway, { request: "resourceManager POST regeneratekey #1", when: "after" }),
  ],
  [
    "killed after the store → the version is adopted, and no other key is made",
    kill(gateway, { request: "keyVault PUT secrets/adf-gatewaytest-key #1", when: "after" }),
  ],
  [
    "stopped before its regenerate until another took over → the verification replaces the dead key",
    stop(gateway, { request: "resourceManager POST regeneratekey #1", when: "before" }, "ticks"),
  ],
  [
    "stopped after its store during another run → the published key works at every moment",
    stop(runtime, { request: "keyVault PUT secrets/adf-sales-warehouse #1", when: "after" }, "another run"),
  ],
  [
    "a run and a tick that takes over, one of them killed → the published key works",
    race(gateway, takeOver, { seed: 1, killing: true }),
  ],
];

describe("real processes, killed, stopped and two at once", () => {
  test.concurrent.for(schedules)("%s", async ([, { run }]) => {
    expect((await run(lab)).violations).toEqual([]);
  });
});
