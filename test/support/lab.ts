import { afterAll, beforeAll, beforeEach } from "vitest";
import type {
  Fault,
  RecordedRequest,
  SimulatedService,
  SimulatorOptions,
} from "../../local/simulator/types.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway, Run } from "../../src/domain/target.ts";
import { requestedRunResponse } from "../../src/http/responses.ts";
import { type Journal, journalName, parseJournal } from "../../src/journal/journal.ts";
import type { InvocationTerms, RotationServices } from "../../src/rotation/context.ts";
import { runName } from "../../src/runs/document.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { markerName, markerPrefix } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { readRun, type StoredRun } from "../../src/runs/runs.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/models/blobModel.ts";
import { callTimeoutMs, startAzure } from "./azure.ts";
import { claimedRun } from "./claimedRun.ts";
import { isRegenerate } from "./requests.ts";

export const minuteMs = 60_000;
export const functionTimeoutMs = 30 * minuteMs;

export const httpRun = (terms: Partial<Run> = {}): Run => ({
  ...runNamed(`http-${crypto.randomUUID()}`, { trigger: "http", reason: "leaked" }),
  requestedBy: "function-key",
  ...terms,
});

export type Lab = Awaited<ReturnType<typeof startLab>>;

/** The lab of the file's tests, from `useLab` on. */
export let lab: Lab;

/** Starts a lab for the tests of the file, and resets it before each. */
export function useLab(options: Partial<SimulatorOptions> = {}): void {
  beforeAll(async () => {
    lab = await startLab(options);
  });
  afterAll(() => lab.azure.simulator.stop());
  beforeEach(() => lab.reset());
}

/** The engine's runs on the simulator, through the real SDKs, with a clock that tests advance. */
export async function startLab(options: Partial<SimulatorOptions> = {}) {
  const azure = await startAzure(options);
  let aheadMs = 0;
  let blobs: SimulatedBlobs;
  const events: RotationEvent[] = [];
  const now = () => Date.now() + aheadMs;

  /** What one process receives. @param altered replaces services of this process */
  function invocation(altered: Partial<RotationServices> = {}, terms: Partial<InvocationTerms> = {}) {
    const clock = {
      now,
      async sleep(ms: number) {
        aheadMs += ms;
      },
    };
    const deadline = now() + functionTimeoutMs - 4 * callTimeoutMs;
    const services: RotationServices = {
      keys: azure.keys,
      secrets: azure.secrets,
      blobs,
      clock,
      events: { emit: (event: RotationEvent) => events.push(event) },
      newGuid: () => crypto.randomUUID(),
      random: () => 0.5,
      ...altered,
    };
    return {
      services,
      storage: { blobs: services.blobs, clock, lastStart: deadline, callTimeoutMs },
      terms: { deploymentName: "prod", functionTimeoutMs, deadline, callTimeoutMs, concurrency: 2, ...terms },
    };
  }

  async function readStored(id: string): Promise<StoredRun> {
    const read = await readRun(invocation().storage, id);
    if (read.kind !== "found") throw new Error(`The run is ${read.kind}.`);
    return read.run;
  }

  async function readJournal(of: Gateway) {
    const found = await blobs.read(journalName(of));
    const parsed = found.kind === "found" ? parseJournal(found.text, of.target.identity) : found;
    if (found.kind !== "found" || parsed.kind !== "journal")
      throw new Error(`The journal is ${parsed.kind}.`);
    return { journal: parsed.journal, etag: found.etag };
  }

  const gatewaysOf = async (id: string) => (await readStored(id)).gateways;

  const lab = {
    azure,
    events,
    now,
    invocation,
    readStored,
    gatewaysOf,
    /** The answer to the run's HTTP request, sent again. */
    async answerTo(id: string) {
      const { status, body } = requestedRunResponse(await readStored(id), "x");
      return { status, ...JSON.parse(body) };
    },
    get blobs() {
      return blobs;
    },
    set blobs(other: SimulatedBlobs) {
      blobs = other;
    },
    reset(): void {
      azure.simulator.clearFaults();
      for (const vault of ["contoso-keys", "fabrikam-keys"]) azure.simulator.secrets(vault).clear();
      aheadMs = 0;
      events.length = 0;
      blobs = createSimulatedBlobs({ clock: now });
    },
    advance(ms: number): void {
      aheadMs += ms;
    },
    /** Creates a run and drives it once. */
    async rotate(
      gateways: readonly Gateway[],
      run: Partial<Run> = {},
      ...altered: Parameters<typeof invocation>
    ) {
      const { services, storage, terms } = invocation(...altered);
      const claimed = await claimedRun(storage, httpRun(run), gateways);
      const driven = await driveRun(services, storage, claimed, terms);
      if (driven.kind !== "driven") throw new Error(driven.problem.message);
      return driven.result;
    },
    /**
     * Rotates in a process that dies during one of its calls.
     *
     * @param services what it works with, and where it dies
     * @returns the id of its run
     */
    async dieIn(
      gateways: readonly Gateway[],
      services: (die: () => Promise<never>) => Partial<RotationServices>,
    ) {
      const { id } = httpRun();
      const died = Promise.withResolvers<void>();
      const die = () => {
        died.resolve();
        return new Promise<never>(() => {});
      };
      void lab.rotate(gateways, { id }, services(die));
      await died.promise;
      return id;
    },
    async removeRun(id: string): Promise<void> {
      for (const nameOf of [runName, markerName]) await blobs.remove(nameOf(id));
    },
    resume(...altered: Parameters<typeof invocation>) {
      const { services, storage, terms } = invocation(...altered);
      return resumeRuns(services, storage, terms);
    },
    /** Ticks of resume, far enough apart that every waiting gateway is due at each. */
    async ticks(count: number): Promise<void> {
      for (let tick = 0; tick < count; tick += 1) {
        aheadMs += 61 * minuteMs;
        await lab.resume();
      }
    },
    async journalOf(of: Gateway): Promise<Journal> {
      return (await readJournal(of)).journal;
    },
    /** Writes a gateway's journal by hand. */
    async editJournal(of: Gateway, edit: (journal: Journal) => Journal): Promise<void> {
      const { journal, etag } = await readJournal(of);
      await blobs.write(journalName(of), JSON.stringify(edit(journal)), { kind: "unchanged", etag });
    },
    named: <N extends RotationEvent["name"]>(name: N) =>
      events.filter((event): event is Extract<RotationEvent, { name: N }> => event.name === name),
    openRuns: () => blobs.snapshot().blobs.filter(({ name }) => name.startsWith(markerPrefix)).length,
    regenerates: () => azure.simulator.requests.filter(isRegenerate).length,
    inject: (
      service: SimulatedService,
      fault: Fault,
      matches: (request: RecordedRequest) => boolean,
      times = 1,
    ) => azure.simulator.inject({ service, fault, matches, times }),
    latestOf: (of: Gateway) =>
      azure.simulator.secrets("contoso-keys").get(of.secret.secretName.toLowerCase())?.versions.at(-1),
    works: (of: Gateway) => azure.simulator.accepts(of.target.resourceId, lab.latestOf(of)?.value ?? ""),
  };
  lab.reset();
  return lab;
}
