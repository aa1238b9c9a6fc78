import { expect, test } from "vitest";
import { markerName } from "../../src/runs/marker.ts";
import { createRun } from "../../src/runs/runs.ts";
import { createSimulatedBlobs } from "../simulation/blobs.ts";
import {
  callTimeoutMs,
  recover,
  runNamed,
  running,
  simulating,
  versionsOf,
  worldOf,
} from "../simulation/engine.ts";
import { runsIn } from "../simulation/kept.ts";
import { startSimulation } from "../simulation/scheduler.ts";
import type { World } from "../simulation/world.ts";
import { gateway, runtime } from "../support/gateways.ts";

const outcomesIn = (world: World) =>
  runsIn(world)
    .filter(({ id }) => id === "a")
    .flatMap(({ gateways }) => gateways.map(({ outcome }) => outcome));

test("the driver dies before it can append its outcome → the next one finds it in the journal", async () => {
  const of = runtime();
  const simulation = await startSimulation(simulating(await worldOf([of], 1), running("a", [of])));
  const isAppending = () =>
    simulation.runners().some(({ calls }) => calls.some(({ call }) => call.operation === "appendBlob"));
  for (
    let [next] = simulation.possible();
    next !== undefined && !isAppending();
    [next] = simulation.possible()
  )
    await simulation.step(next);
  await simulation.step({ kind: "kill", runner: "a" });
  expect(outcomesIn(simulation.world())).toEqual([null]);

  const after = await recover(simulation.world());
  const version = after && versionsOf(after, of).at(-1);
  expect(after && outcomesIn(after)).toMatchObject([
    {
      kind: "rotated",
      slot: "authKey1",
      sequence: 2,
      secretVersion: version?.id,
      rotationId: version?.tags["rotation-id"],
      clientRequestId: version?.tags["client-request-id"],
    },
  ]);
});

test("a marker is there, and its run is not → the run is created at storage's time, not at this machine's", async () => {
  const hourMs = 3_600_000;
  const storageTime = Date.parse("2026-11-23T03:00:00Z");
  const blobs = createSimulatedBlobs({ clock: () => storageTime });
  const clock = { now: () => storageTime - hourMs, sleep: async () => {} };
  await blobs.write(markerName("a"), "{}", { kind: "absent" });
  const storage = { blobs, clock, lastStart: storageTime, callTimeoutMs };
  expect(await createRun(storage, runNamed("a"), [gateway()], hourMs)).toMatchObject({
    kind: "created",
    claimed: { run: { document: { createdAt: storageTime } } },
  });
});
