import { expect, test } from "vitest";
import { markerName } from "../../src/runs/marker.ts";
import { createRun } from "../../src/runs/runs.ts";
import {
  callTimeoutMs,
  engineSimulation,
  recover,
  rotatedWorld,
  rotationRunner,
  runNamed,
  versionsOf,
} from "../simulation/engine/engineRunners.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import type { World } from "../simulation/models/world.ts";
import { runsIn } from "../simulation/promises/storedRecords.ts";
import { startSimulation } from "../simulation/scheduler/scheduler.ts";
import { gateway, runtime } from "../support/gateways.ts";

const outcomesIn = (world: World) =>
  runsIn(world)
    .filter(({ id }) => id === "a")
    .flatMap(({ gateways }) => gateways.map(({ outcome }) => outcome));

test("the driver dies before it can append its outcome → the next one finds it in the journal", async () => {
  const of = runtime();
  const simulation = await startSimulation(
    engineSimulation(await rotatedWorld([of], 1), rotationRunner("a", [of])),
  );
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
