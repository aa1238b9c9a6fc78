import type { CallProblem } from "../domain/attempt.ts";
import type { Gateway } from "../domain/target.ts";
import type { StorageTerms } from "./conditionalWrite.ts";
import type { RotationOutcome } from "./outcome.ts";
import { type RunResult, rotateAll } from "./rotateAll.ts";
import { gatewayOf, merge, type RunGateway, settle } from "./runGateway.ts";
import {
  drivingMs,
  type HeldRun,
  markerName,
  type RunAccess,
  type RunRecord,
  readRun,
  runOf,
  writeMarker,
  writeRun,
} from "./runs.ts";
import type { Clock, InvocationTerms, RotationServices } from "./services.ts";
import { settledAfterMs } from "./timing.ts";

export type Driven =
  | { readonly kind: "driven"; readonly result: RunResult }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** As many drivers of one run as there ever are at once, and more. */
const mostTries = 5;

const longestPauseMs = 3_600_000;

/** Pauses between drives of a run that is not done: two calls' time, doubled with each, at most an hour. */
const pauseMs = (drives: number, { callTimeoutMs }: StorageTerms): number =>
  Math.min(2 ** Math.max(1, drives) * callTimeoutMs, longestPauseMs);

/**
 * Goes on with a run: gateways that are open are driven until they are settled, checks that are owed are done when
 * their time has come. A run ends when every gateway is settled and checked; its record stays, its marker goes.
 */
export async function driveRun(
  services: RotationServices,
  storage: StorageTerms,
  held: HeldRun,
  terms: InvocationTerms,
): Promise<Driven> {
  const keeper = createKeeper(storage, held, services.clock, settledAfterMs(terms));
  const now = services.clock.now() + held.clockOffsetMs;
  const todo = held.record.gateways.filter(({ state, at }) => state !== "done" && at <= now);

  const result = await rotateAll(services, todo, gatewayOf, {
    ...terms,
    run: runOf(held.record),
    createdAt: held.record.createdAt,
    isSettled: keeper.isSettled,
    onOutcome: keeper.note,
  });

  const written = await keeper.finish();
  if (written.kind === "failed") return written;
  if (written.kind === "held" && written.run.record.gateways.every(isDone))
    await storage.blobs.remove(markerName(held.record.id));
  return { kind: "driven", result };
}

const isDone = ({ state }: RunGateway): boolean => state === "done";

/**
 * A run's record while it is driven. What came of a gateway is written with the next renewal, or at the end: should
 * somebody else have driven the run meanwhile, what both know of it is kept.
 */
function createKeeper(storage: StorageTerms, held: HeldRun, clock: Clock, settledMs: number) {
  let run = held;
  const known = new Map(held.record.gateways.map((kept) => [kept.name, kept]));
  const settled = new Map<string, RunGateway>();
  let renewing: Promise<unknown> = Promise.resolve();
  const now = () => clock.now() + run.clockOffsetMs;

  /**
   * Another driver may be between its look at a gateway and its claim. A run must not end before that can come to
   * nothing any more: else nobody would go on with what it begins.
   */
  function unlessShared(gateway: RunGateway, { drives }: RunRecord): RunGateway {
    const ends = gateway.state === "done" && known.get(gateway.name)?.state === "open";
    return ends && drives > 0 ? { ...gateway, state: "owed", at: now() + settledMs } : gateway;
  }

  async function write(change: (gateways: readonly RunGateway[]) => Partial<RunRecord>): Promise<RunAccess> {
    const { record } = run;
    const gateways = record.gateways.map((kept) => unlessShared(settled.get(kept.name) ?? kept, record));
    const written = await writeRun(storage, run, { ...record, gateways, ...change(gateways) });
    return written.kind === "lost" ? writeOver() : written;
  }

  /** Leaves it to the other driver how long it goes on; but a run with work left is one that resume can find. */
  async function writeOver(): Promise<RunAccess> {
    for (let tries = 1; ; tries += 1) {
      const read = await readRun(storage, run.record.id);
      if (read.kind !== "held") return read;
      const { record } = read.run;
      for (const theirs of record.gateways) {
        const mine = settled.get(theirs.name);
        if (mine !== undefined) settled.set(theirs.name, merge(theirs, unlessShared(mine, record)));
      }
      const gateways = record.gateways.map((theirs) => settled.get(theirs.name) ?? theirs);
      if (!gateways.every(isDone)) await writeMarker(storage, record.id);
      const written = await writeRun(storage, read.run, {
        ...record,
        gateways,
        resumeAt: resumeAt(gateways),
      });
      if (written.kind !== "lost" || tries === mostTries) return written;
    }
  }

  async function renew(): Promise<void> {
    if (run.record.drivenUntil - now() > drivingMs(storage) / 2) return;
    const written = await write(() => ({ drivenUntil: now() + drivingMs(storage) }));
    if (written.kind === "held") run = written.run;
  }

  return {
    isSettled: ({ name }: Gateway): boolean => known.get(name)?.state === "owed",
    note(outcome: RotationOutcome): void {
      const kept = known.get(outcome.gateway.name);
      if (kept === undefined) return;
      settled.set(kept.name, settle(kept, outcome, now() + pauseMs(held.record.drives, storage)));
      renewing = renewing.then(renew);
    },
    async finish(): Promise<RunAccess> {
      await renewing;
      return write((gateways) => ({ drivenUntil: 0, resumeAt: resumeAt(gateways) }));
    },
  };
}

/** 0: there is nothing to do any more. */
function resumeAt(gateways: readonly RunGateway[]): number {
  const unfinished = gateways.filter((gateway) => !isDone(gateway));
  return unfinished.length === 0 ? 0 : Math.min(...unfinished.map(({ at }) => at));
}
