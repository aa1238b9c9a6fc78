import { describe, expect, test } from "vitest";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import type { RotationOutcome } from "../../src/rotation/outcome.ts";
import { merge, openGateway, type RunGateway, settle } from "../../src/runs/runGateway.ts";
import { createRun, markerName, type RunRecord, runName } from "../../src/runs/runs.ts";
import {
  type Alter,
  callTimeoutMs,
  engineSimulation,
  recover,
  rotatedWorld,
  rotationRunner,
  runWithoutFaults,
  versionsOf,
} from "../simulation/engine/engineRunners.ts";
import { createSimulatedBlobs } from "../simulation/models/blobModel.ts";
import type { World } from "../simulation/models/world.ts";
import { startSimulation } from "../simulation/scheduler/scheduler.ts";
import { gateway, runtime } from "../support/gateways.ts";

type Written = Omit<RunRecord, "gateways"> & { readonly gateways: readonly RunGateway[] };

const recordIn = ({ blobs }: World): Written =>
  JSON.parse(blobs.blobs.find(({ name }) => name === runName("a"))?.text ?? "null");

const outcomesIn = (world: World) => recordIn(world).gateways.map(({ outcome }) => outcome);

describe("a run's record tells what came of each gateway", () => {
  test("the driver dies before it can write down what it has done → whoever goes on finds it in the journal", async () => {
    const of = runtime();
    const simulation = await startSimulation(
      engineSimulation(await rotatedWorld([of], 1), rotationRunner("a", [of])),
    );
    const isLastWrite = () =>
      simulation.log().some((line) => line.includes("write adf-sales-warehouse")) &&
      simulation.runners().some(({ calls }) => calls.some(({ call }) => call.subject === runName("a")));
    for (
      let [next] = simulation.possible();
      next !== undefined && !isLastWrite();
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

  test("somebody else has claimed the run meanwhile → both their words are kept", async () => {
    const gateways = [gateway(), runtime()];
    let interferences = 0;
    const overtaken: Alter = (services) => ({
      ...services,
      blobs: {
        ...services.blobs,
        async write(name, text, condition, metadata) {
          if (name === runName("a") && condition.kind === "unchanged" && interferences++ === 0) {
            const found = await services.blobs.read(name);
            const theirs = found.kind === "found" ? found.text.replace('"drives":0', '"drives":7') : "";
            await services.blobs.write(name, theirs, condition);
          }
          return services.blobs.write(name, text, condition, metadata);
        },
      },
    });
    const world = await runWithoutFaults(
      await rotatedWorld(gateways, 1),
      rotationRunner("a", gateways, {}, overtaken),
    );
    expect(interferences).toBeGreaterThan(1);
    expect(recordIn(world).drives).toBe(7);
    expect(outcomesIn(world)).toMatchObject([{ kind: "rotated" }, { kind: "rotated" }]);
    expect(recordIn(world).gateways.map(({ state }) => state)).toEqual(["unverified", "unverified"]);
  });

  test("a marker is there, and its run is not → the run is created at storage's time, not at this machine's", async () => {
    const hourMs = 3_600_000;
    const storageTime = Date.parse("2026-11-23T03:00:00Z");
    const blobs = createSimulatedBlobs({ clock: () => storageTime });
    const clock = { now: () => storageTime - hourMs, sleep: async () => {} };
    await blobs.write(markerName("a"), "{}", { kind: "absent" });
    const created = await createRun(
      { blobs, clock, lastStart: storageTime, callTimeoutMs },
      {
        id: "a",
        trigger: "http",
        reason: "leaked",
        requestedBy: "function-key",
        mode: "standard",
        takeOwnership: false,
      },
      [gateway()],
    );
    expect(created).toMatchObject({ kind: "held", isNew: true, run: { record: { createdAt: storageTime } } });
  });
});

const open = openGateway(gateway(), 1000);
const trace = { clientRequestId: toClientRequestId("066b1a89-e84f-47a4-a784-a753b2e06623"), requestId: "r" };
const published = {
  rotationId: "rotation",
  slot: "key",
  trace,
  secretVersion: "v",
  fingerprint: "f",
  sequence: 3,
} as const;
const outcomes = {
  rotated: {
    kind: "rotated",
    gateway: gateway(),
    ...published,
    exposureMs: 1,
    dueAt: undefined,
    verifyAt: 5000,
  },
  notDue: {
    kind: "skipped",
    gateway: gateway(),
    reason: "not-due",
    message: "Not due.",
    verifyAt: undefined,
    published: undefined,
  },
  doneBefore: {
    kind: "skipped",
    gateway: gateway(),
    reason: "satisfied",
    message: "OperationResult.",
    verifyAt: 5000,
    published,
  },
  outage: {
    kind: "failed",
    gateway: gateway(),
    code: "vault-unreachable",
    message: "Down.",
    effect: "unchanged",
    final: false,
    nextAction: "Wait.",
  },
  waiting: { kind: "pending", gateway: gateway(), reason: "claimed", message: "Another.", until: 3000 },
} as const satisfies Record<string, RotationOutcome>;
const later = 9000;
const following = (...came: readonly RotationOutcome[]): RunGateway =>
  came.reduce((kept, outcome) => settle(kept, outcome, later), open);
const rotated = {
  kind: "rotated",
  rotationId: "rotation",
  slot: "key",
  secretVersion: "v",
  fingerprint: "f",
  sequence: 3,
  clientRequestId: trace.clientRequestId,
  requestId: "r",
};

describe("how a gateway of a run is settled", () => {
  const { rotated: done, notDue, doneBefore, outage, waiting } = outcomes;
  test.each([
    ["rotated", [done], { state: "unverified", at: 5000, outcome: rotated }],
    ["not due", [notDue], { state: "done", at: 1000, outcome: { kind: "skipped", reason: "not-due" } }],
    [
      "rotated for it by somebody who could not say so",
      [doneBefore],
      { state: "unverified", at: 5000, outcome: rotated },
    ],
    ["rotated, then checked", [done, notDue], { state: "done", outcome: rotated }],
    [
      "rotated, and at its check an outage",
      [done, outage],
      { state: "unverified", at: later, outcome: rotated },
    ],
    [
      "rotated, and since its check nobody knows what became of the key",
      [done, { ...outage, effect: "unknown" }],
      { state: "unverified", outcome: { kind: "failed", effect: "unknown" } },
    ],
    [
      "rotated, and at its check claimed by another",
      [done, waiting],
      { state: "unverified", at: 3000, outcome: rotated },
    ],
    [
      "failed for good, and the check has made another key",
      [{ ...outage, final: true, verifyAt: 2000 }, done],
      { state: "unverified", at: 5000, outcome: { code: "vault-unreachable" } },
    ],
    [
      "failed for now",
      [outage],
      { state: "open", at: later, outcome: { code: "vault-unreachable", nextAction: "Wait." } },
    ],
    [
      "failed for good",
      [{ ...outage, final: true }],
      { state: "done", outcome: { code: "vault-unreachable" } },
    ],
    [
      "failed, then not due",
      [outage, notDue],
      { state: "done", outcome: { kind: "skipped", reason: "not-due" } },
    ],
    [
      "claimed by another",
      [waiting],
      { state: "open", at: 3000, outcome: { kind: "pending", reason: "claimed" } },
    ],
    [
      "failed, then claimed by another",
      [outage, waiting],
      { state: "open", at: 3000, outcome: { code: "vault-unreachable" } },
    ],
  ] satisfies [string, RotationOutcome[], object][])("%s", (_situation, came, expected) => {
    expect(following(...came)).toMatchObject(expected);
  });

  test.each([
    ["the farther state", following(notDue), following(waiting), following(notDue)],
    ["the farther state, though it is mine", following(waiting), following(done), following(done)],
    ["mine where both are as far", following(waiting), following(outage), following(outage)],
    [
      "what was published, with its check, rather than a skip",
      following(done),
      following(notDue),
      following(done),
    ],
    [
      "the last that was published",
      following({ ...done, sequence: 4 }),
      following(done),
      { ...following(done), outcome: { ...rotated, sequence: 4 } },
    ],
  ])("two drivers: %s", (_rule, theirs, mine, both) => {
    expect(merge(theirs, mine)).toEqual(both);
  });
});
