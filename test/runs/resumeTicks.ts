import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { changeMarker, type Marker, readMarker } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { namedGateway } from "../support/gateways.ts";
import { storeJournal } from "../support/journalParts.ts";
import { type Deliver, minuteMs, startStoredRuns } from "./storedRuns.ts";

const named = (name: string) => namedGateway(name, undefined, { rotateEveryDays: 30 });
export const gatewayA = named("a");
export const gatewayB = named("b");

/** The calls of a tick that finds nothing to do. */
export const idleCalls = ["listBlobs open/", "listBlobs gateways/"];

/** Storage with open runs, and ticks of resume over it. */
export function startResume() {
  const lab = startStoredRuns([gatewayA, gatewayB]);
  const { clock, invocation } = lab;
  return {
    ...lab,
    create: (id: string, gateways = [gatewayA]) => lab.create(id, gateways),
    /** An intent that a runner left open, whose run is gone. */
    async leaveIntent(of = gatewayA, terms: Partial<NonNullable<Journal["intent"]>> = {}) {
      const attempts = [{ clientRequestId: "attempt", at: clock.now(), known: "open" as const }];
      const open = { rotationId: "rotation", runId: "gone", slot: "key", reason: "due" } as const;
      const intent: Journal["intent"] = { ...open, attempts, claimedUntil: 0, ...terms };
      await clock.run(storeJournal(invocation().storage, of, { intent }));
    },
    /** The marker as another driver changes it. */
    async editMarker(id: string, edit: (now: number) => Partial<Marker>) {
      const { storage } = invocation();
      const read = await readMarker(storage, id);
      if (read.kind !== "held") throw new Error(read.kind);
      await changeMarker(storage, read.held, edit(clock.now()));
    },
    /** @param change `sinceList`: what other runners do after the first list of this prefix */
    async tick(
      deliver?: Deliver,
      change: { offMs?: number; leftMs?: number; sinceList?: [string, () => Promise<unknown>] } = {},
    ) {
      const { services, storage, terms, calls } = invocation(deliver, change.offMs);
      const deadline = change.leftMs === undefined ? terms.deadline : services.clock.now() + change.leftMs;
      let [prefix, work] = change.sinceList ?? [];
      const blobs: BlobStore = {
        ...storage.blobs,
        async list(listed) {
          const answer = await storage.blobs.list(listed);
          if (listed !== prefix) return answer;
          prefix = undefined;
          await work?.();
          return answer;
        },
      };
      const resumed = await clock.run(
        resumeRuns(services, { ...storage, blobs }, { ...terms, deadline }, [gatewayA, gatewayB]),
      );
      return { ...resumed, calls: calls.map(({ operation, subject }) => `${operation} ${subject}`) };
    },
  };
}

/** A run of the first gateway whose driver died, long enough ago for resume to continue it. */
export async function startWithRun() {
  const lab = startResume();
  await lab.create("run");
  await lab.wait(5 * minuteMs);
  return lab;
}
