import type { CallProblem } from "../domain/attempt.ts";
import type { Clock } from "../domain/clock.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { RotationOutcome } from "../rotation/outcome.ts";
import type { RotationServices } from "../rotation/services.ts";
import { type InvocationTerms, quietPeriodMs } from "../rotation/terms.ts";
import { type RunResult, rotateAll } from "./rotateAll.ts";
import { gatewayOf, merge, type RunGateway, settle } from "./runGateway.ts";
import type { RunGateways } from "./runGateways.ts";
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
 * What comes of a gateway is put into `held.record.gateways`, as this drive alone knows it.
 */
export async function driveRun(
  services: RotationServices,
  storage: StorageTerms,
  held: HeldRun,
  terms: InvocationTerms,
): Promise<Driven> {
  const keeper = createKeeper(storage, held, services.clock, quietPeriodMs(terms));
  const now = services.clock.now() + held.clockOffsetMs;
  const { gateways } = held.record;
  const todo: number[] = [];
  for (let index = 0; index < gateways.length; index += 1) {
    const { state, at } = gateways.get(index);
    if (state !== "done" && at <= now) todo.push(index);
  }

  const result = await rotateAll<number>(
    services,
    todo,
    {
      gatewayOf: (index) => gatewayOf(gateways.get(index)),
      isSettled: (index) => gateways.get(index).state === "unverified",
      onOutcome: keeper.note,
    },
    { ...terms, run: runOf(held.record), createdAt: held.record.createdAt },
  );

  const written = await keeper.finish();
  if (written.kind === "failed") return written;
  // Nobody else has anything under way: either none has claimed the run, or what he had could not land any more.
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
  const { gateways } = held.record;
  /** Of those that this drive has come to an end with: how they stood before. */
  const stoodBefore: (RunGateway["state"] | undefined)[] = Array.from({ length: gateways.length });
  let run = held;
  /** What the record says without us: what this drive began with, or, once another has written, what came of both. */
  let known = gateways;
  let renewing: Promise<unknown> = Promise.resolve();
  const now = () => clock.now() + run.clockOffsetMs;

  /**
   * What this drive has come to. Another driver may be between its look at a gateway and its claim. A run must not
   * end before that can come to nothing any more: else nobody would go on with what it begins.
   */
  function* told({ drives }: RunRecord): Generator<{ index: number; mine: RunGateway; isDelayed: boolean }> {
    for (const [index, before] of stoodBefore.entries()) {
      if (before === undefined) continue;
      const mine = gateways.get(index);
      const isDelayed = mine.state === "done" && before === "open" && drives > 0;
      yield {
        index,
        isDelayed,
        mine: isDelayed ? { ...mine, state: "unverified", at: now() + settledMs } : mine,
      };
    }
  }

  async function write(change: (gateways: RunGateways) => Partial<RunRecord>): Promise<RunAccess> {
    const { record } = run;
    const written = known.copy();
    for (const { index, mine, isDelayed } of told(record)) {
      if (known !== gateways) written.set(index, merge(known.get(index), mine));
      else if (isDelayed) written.set(index, mine);
    }
    const access = await writeRun(storage, run, { ...record, gateways: written, ...change(written) });
    return access.kind === "lost" ? writeOver() : access;
  }

  /** Leaves it to the other driver how long it goes on; but a run with work left is one that resume can find. */
  async function writeOver(): Promise<RunAccess> {
    for (let tries = 1; ; tries += 1) {
      const read = await readRun(storage, run.record.id);
      if (read.kind !== "held") return read;
      const { record } = read.run;
      const theirs = record.gateways;
      for (const { index, mine } of told(record)) theirs.set(index, merge(theirs.get(index), mine));
      if (!theirs.every(isDone)) await writeMarker(storage, record.id);
      const written = await writeRun(storage, read.run, {
        ...record,
        gateways: theirs,
        resumeAt: resumeAt(theirs),
      });
      if (written.kind === "held") known = theirs;
      if (written.kind !== "lost" || tries === mostTries) return written;
    }
  }

  async function renew(): Promise<void> {
    if (run.record.drivenUntil - now() > drivingMs(storage) / 2) return;
    const written = await write(() => ({ drivenUntil: now() + drivingMs(storage) }));
    // Without the copy that was written: the next write makes its own.
    if (written.kind === "held") run = { ...written.run, record: { ...written.run.record, gateways: known } };
  }

  return {
    note(index: number, outcome: RotationOutcome): void {
      const before = gateways.get(index);
      stoodBefore[index] = before.state;
      gateways.set(index, settle(before, outcome, now() + pauseMs(held.record.drives, storage)));
      renewing = renewing.then(renew);
    },
    async finish(): Promise<RunAccess> {
      await renewing;
      return write((gateways) => ({ drivenUntil: 0, resumeAt: resumeAt(gateways) }));
    },
  };
}

/** 0: there is nothing to do any more. */
function resumeAt(gateways: RunGateways): number {
  let earliest = Infinity;
  for (const gateway of gateways) if (!isDone(gateway)) earliest = Math.min(earliest, gateway.at);
  return earliest === Infinity ? 0 : earliest;
}
