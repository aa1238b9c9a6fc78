import { expect } from "vitest";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../src/domain/target.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";
import { createRun } from "../../src/runs/runs.ts";
import { callTimeoutMs, functionTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import type { Call } from "../simulation/models/call.ts";
import type { Delivery } from "../simulation/models/delivery.ts";
import { createModelServices } from "../simulation/models/modelServices.ts";
import type { WorldHolder } from "../simulation/models/performCall.ts";
import { createWorld, regenerations } from "../simulation/models/world.ts";

export const minuteMs = 60_000;
export const forbidden: Delivery = { kind: "refused", code: "forbidden" };

/** How a call is delivered; undefined: normally. */
export type Deliver = (call: Call) => Delivery | undefined;

/** Refuses the calls of this operation on this subject. */
export const refusingCall =
  (operation: Call["operation"], subject: string): Deliver =>
  (call) =>
    call.operation === operation && call.subject === subject ? forbidden : undefined;

/** Models of the services, in virtual time, for processes that work on runs. A call takes no time. */
export function startStoredRuns(gateways: readonly Gateway[]) {
  const clock = createVirtualClock();
  const holder: WorldHolder = {
    world: createWorld({
      now: clock.now(),
      targets: gateways.map(({ target }) => target),
      vaultUrls: [...new Set(gateways.map(({ secret }) => secret.vaultUrl))],
    }),
  };

  /** What one process works with. @param offMs its clock less storage's */
  function invocation(deliver: Deliver = () => undefined, offMs = 0) {
    const calls: Call[] = [];
    const events: RotationEvent[] = [];
    const models = createModelServices(
      holder,
      async (call) => {
        calls.push(call);
        holder.world = { ...holder.world, now: clock.now() };
        return deliver(call) ?? { kind: "normal" };
      },
      { runner: "process" },
    );
    const own = { ...clock, now: () => clock.now() + offMs };
    const services = {
      ...models,
      clock: own,
      events: { emit: (event: RotationEvent) => void events.push(event) },
      newGuid: () => crypto.randomUUID(),
      random: () => 0.5,
    };
    const terms = {
      ...{ deploymentName: "prod", functionTimeoutMs, callTimeoutMs, concurrency: 1 },
      deadline: own.now() + functionTimeoutMs - 4 * callTimeoutMs,
    };
    const storage = { blobs: models.blobs, clock: own, lastStart: terms.deadline, callTimeoutMs };
    return { services, storage, terms, calls, events };
  }
  const blobs = (): BlobStore => invocation().storage.blobs;

  return {
    clock,
    holder,
    invocation,
    blobs,
    wait: (ms: number) => clock.run(clock.sleep(ms)),
    regenerated: () =>
      gateways.map(({ target }) => regenerations(holder.world, target)).reduce((a, b) => a + b),
    /** A run whose creator died at once. */
    async create(id: string, of: readonly Gateway[]) {
      const { storage } = invocation();
      const created = await clock.run(createRun(storage, runNamed(id), () => of));
      expect(created.kind).toBe("created");
    },
    /** The journal as another runner changes it. */
    async editJournal(of: Gateway, edit: (journal: Journal) => Journal) {
      const journals = createJournals(invocation().storage);
      const read = await journals.read(of);
      if (read.kind !== "read" || read.held.journal === undefined) throw new Error(read.kind);
      await journals.write(of, read.held, edit(read.held.journal));
    },
  };
}
