import { expect, test } from "vitest";
import type { GatewayKeys } from "../../src/domain/attempt.ts";
import type { StorageTerms } from "../../src/journal/conditionalWrite.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { claimMarker, markerName, readMarker } from "../../src/runs/marker.ts";
import { readRun } from "../../src/runs/runs.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import type { Call } from "../simulation/models/call.ts";
import { claimedRun } from "../support/claimedRun.ts";
import { namedGateway } from "../support/gateways.ts";
import { type Deliver, forbidden, minuteMs, startStoredRuns } from "./storedRuns.ts";

const names = ["a", "b", "c", "d", "e", "f"];
const gateways = names.map((name) => namedGateway(name));
const marker = markerName("run");
const isWrite = ({ operation, subject }: Call) => operation === "writeBlob" && subject === marker;

/**
 * Drives a new run of six gateways, one after the other; each takes twenty seconds.
 *
 * @param offMs this machine's clock less storage's
 * @param during what another driver does while the first gateway is rotated
 */
async function drive(deliver: Deliver = () => undefined, offMs = 0, during = async (_: StorageTerms) => {}) {
  const lab = startStoredRuns(gateways);
  const { storage: creator } = lab.invocation(undefined, offMs);
  const claimed = await lab.clock.run(claimedRun(creator, runNamed("run"), gateways));
  const begun = lab.clock.now();
  const seconds = () => (lab.clock.now() - begun) / 1000;
  /** This driver's calls for the marker, with the second of each. */
  const calls: string[] = [];
  const { services, storage, terms, events } = lab.invocation((call) => {
    if (call.subject === marker) calls.push(`${seconds()} ${call.operation}`);
    return deliver(call);
  }, offMs);
  const keys: GatewayKeys = {
    ...services.keys,
    async regenerate(...call) {
      await lab.clock.sleep(20_000);
      if (seconds() === 20) await during(lab.invocation().storage);
      return services.keys.regenerate(...call);
    },
  };
  await lab.clock.run(driveRun({ ...services, keys }, storage, claimed, terms));
  const { run, held } = await stored(lab.invocation().storage);
  return {
    lab,
    calls,
    kinds: run.gateways.map(({ outcome }) => outcome?.kind),
    completed: held.marker.completed,
    events: events.filter(({ name }) => name === "RotationRunCompleted"),
  };
}

/** The run and its marker, as storage holds them. */
async function stored(storage: StorageTerms) {
  const [run, found] = [await readRun(storage, "run"), await readMarker(storage, "run")];
  if (run.kind !== "found" || found.kind !== "held") throw new Error(run.kind);
  return { run: run.run, held: found.held };
}

test.each([-10, 0, 10])(
  "a drive takes two minutes, our clock is %i minutes off → its claim is renewed when half is over",
  async (minutes) => {
    const { calls, events, completed } = await drive(undefined, minutes * minuteMs);
    expect(calls).toEqual(["60 writeBlob", "120 writeBlob", "120 writeBlob"]);
    expect(completed).toBe(true);
    expect(events).toMatchObject([{ rotated: 6, skipped: 0, failed: 0, durationMs: 120_000 }]);
  },
);

test("storage refuses to renew the claim → the next outcome renews it", async () => {
  let writes = 0;
  const { calls, completed } = await drive((call) =>
    isWrite(call) && ++writes === 1 ? forbidden : undefined,
  );
  expect(calls).toEqual(["60 writeBlob", "80 writeBlob", "120 writeBlob"]);
  expect(completed).toBe(true);
});

test("another driver has claimed the run → this driver keeps off the marker, and appends its outcomes", async () => {
  const { lab, calls, kinds, completed, events } = await drive(undefined, 0, async (storage) => {
    const found = await readMarker(storage, "run");
    if (found.kind === "held") await claimMarker(storage, found.held, "other");
  });
  expect(calls).toEqual(["60 writeBlob", "60 readBlob"]);
  expect(await readMarker(lab.invocation().storage, "run")).toMatchObject({
    held: { marker: { driver: "other", drives: 1 } },
  });
  expect({ kinds, completed, events }).toEqual({
    kinds: names.map(() => "rotated"),
    completed: false,
    events: [],
  });
});

test("the last verifications are done → the marker is removed, without another write", async () => {
  const { lab } = await drive();
  await lab.wait(40 * minuteMs);
  const { services, storage, terms, calls } = lab.invocation();
  const work = async () => {
    const { run, held } = await stored(storage);
    const claimed = await claimMarker(storage, held, "next");
    if (claimed.kind !== "held") throw new Error(claimed.kind);
    calls.length = 0;
    await driveRun(services, storage, { run, held: claimed.held }, terms);
  };
  await lab.clock.run(work());
  expect(calls.filter(({ subject }) => subject === marker).map(({ operation }) => operation)).toEqual([
    "removeBlob",
  ]);
});

test("one gateway is done, another fails and may pass → the run is resumed when the second is due", async () => {
  const lab = startStoredRuns(gateways);
  const { services, storage, terms } = lab.invocation(({ operation, subject }) =>
    operation === "regenerate"
      ? { kind: "refused", code: subject.startsWith("a ") ? "bad-request" : "throttled" }
      : undefined,
  );
  const claimed = await claimedRun(storage, runNamed("run"), gateways.slice(0, 2));
  await lab.clock.run(driveRun(services, storage, claimed, terms));
  const { run, held } = await stored(storage);
  const [done, open] = run.gateways;
  expect([done?.state, open?.state]).toEqual(["done", "open"]);
  expect(held.marker.resumeAt).toBe(open?.at);
  expect(open?.at).toBeGreaterThan(lab.clock.now());
});

test("the intent that resume created a run for is closed → that run rotates nothing, and ends", async () => {
  const lab = startStoredRuns(gateways);
  const { services, storage, terms } = lab.invocation();
  const run = runNamed("resume-rotation", { trigger: "resume" });
  const claimed = await claimedRun(storage, run, gateways.slice(0, 1));
  const driven = await lab.clock.run(driveRun(services, storage, claimed, terms));
  expect(driven).toMatchObject({ kind: "driven", result: { rotated: 0, skipped: 1 } });
  expect(lab.regenerated()).toBe(0);
  expect(await readMarker(storage, run.id)).toEqual({ kind: "none" });
});
