import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Case } from "./cases.ts";
import { kill } from "./kills.ts";
import { type Lab, openLab } from "./lab.ts";
import { race, races } from "./races.ts";
import { stop } from "./stops.ts";
import { gateway, runtime } from "./subjects.ts";

/** A call takes 20 ms, and on a busy machine may not time out: what a case may make in vain is counted without that. */
const times = { callTimeoutSeconds: 5, functionTimeoutSeconds: 75 };

let lab: Lab;
beforeAll(async () => {
  lab = await openLab(times);
});
afterAll(() => lab.close());

const [, , takeOver] = races;

/** A schedule of each kind; `npm run proof` has them all. */
const schedules: readonly (readonly [string, Case])[] = [
  [
    "killed after a key was regenerated, before it was stored → rolled forward: another key, and that one is stored",
    kill(gateway, { request: "resourceManager POST regeneratekey #1", when: "after" }),
  ],
  [
    "killed after the key was stored → adopted: nothing is regenerated again",
    kill(gateway, { request: "keyVault PUT secrets/adf-gatewaytest-key #1", when: "after" }),
  ],
  [
    "stopped before its regenerate until another has taken over → the key that it kills late is replaced by the check",
    stop(gateway, { request: "resourceManager POST regeneratekey #1", when: "before" }, "ticks"),
  ],
  [
    "stopped after its store while there is another run → adopted, and what is published works at every moment",
    stop(runtime, { request: "keyVault PUT secrets/adf-sales-warehouse #1", when: "after" }, "another run"),
  ],
  [
    "a run and a tick that takes over, one of them killed → a key that works",
    race(gateway, takeOver, { seed: 1, killing: true }),
  ],
];

describe("real processes, killed, stopped and two at once", () => {
  test.concurrent.for(schedules)("%s", async ([, { run }]) => {
    expect((await run(lab)).violations).toEqual([]);
  });
});
