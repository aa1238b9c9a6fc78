import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { RotationWindow } from "../../src/domain/rotationWindow.ts";
import type { Tags } from "../../src/domain/secretStore.ts";
import type { Gateway, Run } from "../../src/domain/target.ts";
import { type Journal, journalName, parseJournal } from "../../src/journal/journal.ts";
import type { RotationServices, RunTerms } from "../../src/rotation/context.ts";
import type { KnownOutcome } from "../../src/rotation/outcome.ts";
import { rotateAll } from "../../src/runs/rotateAll.ts";
import { forbidden, minuteMs, startStoredRuns } from "../runs/storedRuns.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import type { StoredBlob } from "../simulation/models/blobModel.ts";
import type { Call } from "../simulation/models/call.ts";
import type { Delivery } from "../simulation/models/delivery.ts";
import { writeOutside } from "../simulation/models/outsideChanges.ts";
import { accepts, secretAt } from "../simulation/models/world.ts";
import { ofNewRun } from "../support/gateways.ts";

export { callTimeoutMs, forbidden, minuteMs };

type Answer = Delivery["kind"] | Delivery | undefined;

/** How a call is delivered; undefined: normally. `afterMs`: since the process began. */
export type Deliver = (call: Call, afterMs: number) => Answer;

/** What a test changes in the services of one process. */
type Alter = (services: RotationServices) => RotationServices;

export const throttled: Delivery = { kind: "refused", code: "throttled" };

/** Delivers calls of a kind so, one after the other; the last way is also that of all later ones. */
export function answering(matches: (call: Call) => boolean, ...answers: readonly Answer[]): Deliver {
  let sent = 0;
  return (call) => (matches(call) ? answers[Math.min(sent++, answers.length - 1)] : undefined);
}

/** Refuses every call of a kind. */
export const refusing = (matches: (call: Call) => boolean): Deliver => answering(matches, forbidden);

/** Puts another function in the place of one of the services' functions. */
export const replaced =
  <P extends "keys" | "secrets" | "blobs", F extends keyof RotationServices[P]>(
    port: P,
    name: F,
    make: (original: RotationServices[P][F], clock: RotationServices["clock"]) => RotationServices[P][F],
  ): Alter =>
  (services) => ({
    ...services,
    [port]: { ...services[port], [name]: make(services[port][name], services.clock) },
  });

export const isJournalWrite = ({ operation, subject }: Call): boolean =>
  operation === "writeBlob" && subject.startsWith("gateways/");
export const isStorage = ({ service }: Call): boolean => service === "Blob Storage";
export const isBlobRead = ({ operation }: Call): boolean => operation === "readBlob";
export const isList = ({ operation }: Call): boolean => operation === "listKeys";
export const isDeletedRead = ({ operation }: Call): boolean => operation === "readDeleted";
export const isRead = ({ operation }: Call): boolean => operation === "readLatest";
export const isRegenerate = ({ operation }: Call): boolean => operation === "regenerate";
export const isPreflight = ({ operation, payload }: Call): boolean =>
  operation === "write" && payload.includes("Not a key");
/** A key that is written to the vault, not the preflight. */
export const isStore = (call: Call): boolean => call.operation === "write" && !isPreflight(call);

/** Delivers calls of a kind so, from the first store of a key on. @param untilMs since the process began */
export function afterStore(matches: (call: Call) => boolean, answer: Answer, untilMs = Infinity): Deliver {
  let isStored = false;
  return (call, afterMs) => {
    isStored ||= isStore(call);
    return isStored && matches(call) && afterMs < untilMs ? answer : undefined;
  };
}

/** The clock of a process that is so many minutes ahead of the services' clocks. */
export const clockOff =
  (minutes: number): Alter =>
  (services) => ({
    ...services,
    clock: { ...services.clock, now: () => services.clock.now() + minutes * minuteMs },
  });

/** A window that is closed at this time. */
export function closedAt(now: number): RotationWindow {
  const timeAfter = (hours: number) => new Date(now + hours * 60 * minuteMs).toISOString().slice(11, 16);
  return { from: timeAfter(12), to: timeAfter(13) };
}

/** Processes of the engine, one after the other or at once, over models of the services, in virtual time. */
export function startProcesses(of: Gateway) {
  const { clock, holder, invocation, wait, regenerated } = startStoredRuns([of]);

  /**
   * Rotates the gateway once for a run, as one process.
   *
   * @param as the gateway as this run has it
   * @param reported the versions that the run has reported already
   */
  async function rotate(
    run: Partial<Run> = {},
    deliver: Deliver = () => undefined,
    {
      terms = {},
      alter = (services) => services,
      as = of,
      reported = [],
    }: { terms?: Partial<RunTerms>; alter?: Alter; as?: Gateway; reported?: KnownOutcome["versions"] } = {},
  ) {
    const calls: { readonly call: Call; readonly afterMs: number }[] = [];
    const startedAt = clock.now();
    const process = invocation((call) => {
      const afterMs = clock.now() - startedAt;
      calls.push({ call, afterMs });
      const delivery = deliver(call, afterMs);
      return typeof delivery === "string" ? ({ kind: delivery } as Delivery) : delivery;
    });
    const outcomes: KnownOutcome[] = [];
    await rotateAll(
      alter(process.services),
      [{ ...ofNewRun(as), versions: [...reported] }],
      { ...process.terms, run: runNamed(run.id ?? "run", run), createdAt: startedAt, ...terms },
      (_, outcome) => void outcomes.push(outcome),
    );
    const [outcome] = outcomes;
    if (outcome === undefined) throw new Error("There is no outcome");
    return {
      outcome,
      events: process.events,
      /** When each call of this kind was sent, in milliseconds since the process began. */
      timesOf: (matches: (call: Call) => boolean) =>
        calls.filter(({ call }) => matches(call)).map(({ afterMs }) => afterMs),
    };
  }

  function journal(): Journal {
    const blob = holder.world.blobs.blobs.find(({ name }) => name === journalName(of));
    const parsed = parseJournal(blob?.text ?? "", of.target.identity);
    if (parsed.kind !== "journal") throw new Error(parsed.problem);
    return parsed.journal;
  }

  function changeJournal(change: (blob: StoredBlob) => readonly StoredBlob[]): void {
    const { blobs } = holder.world.blobs;
    const changed = blobs.flatMap((blob) => (blob.name === journalName(of) ? change(blob) : [blob]));
    holder.world = { ...holder.world, blobs: { ...holder.world.blobs, blobs: changed } };
  }

  async function beginLater<T>(ms: number, begin: () => Promise<T>): Promise<T> {
    await clock.sleep(ms);
    return begin();
  }

  return {
    clock,
    holder,
    rotate: (...args: Parameters<typeof rotate>) => clock.run(rotate(...args)),
    /** Several processes at once. `later` begins one after so many milliseconds. */
    together: <T extends readonly unknown[]>(
      make: (one: typeof rotate, later: typeof beginLater) => { [K in keyof T]: Promise<T[K]> },
    ) => clock.run(Promise.all(make(rotate, beginLater))),
    wait,
    regenerated,
    versions: () => secretAt(holder.world, of.secret).versions,
    works: () =>
      accepts(holder.world, of.target, secretAt(holder.world, of.secret).versions.at(-1)?.value ?? ""),
    /** Writes a version outside this system. */
    publish(value: string, tags: Tags = {}): void {
      holder.world = writeOutside(holder.world, of.secret, { value, tags });
    },
    purgeSecrets(): void {
      holder.world = { ...holder.world, vaults: { [of.secret.vaultUrl]: {} } };
    },
    deleteJournal: () => changeJournal(() => []),
    /** The journal as another runner changes it. */
    editJournal: (edit: (journal: Journal) => Journal) =>
      changeJournal((blob) => [{ ...blob, text: JSON.stringify(edit(journal())) }]),
    journal,
  };
}

/** Processes of a gateway that run "run" has rotated. */
export async function startRotated(of: Gateway): Promise<ReturnType<typeof startProcesses>> {
  const processes = startProcesses(of);
  await processes.rotate();
  return processes;
}

export const named = <N extends RotationEvent["name"]>(events: readonly RotationEvent[], name: N) =>
  events.filter((event): event is Extract<RotationEvent, { name: N }> => event.name === name);
