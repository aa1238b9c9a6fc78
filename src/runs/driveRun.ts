import type { Failed } from "../domain/attempt.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { InvocationTerms, RotationServices } from "../rotation/context.ts";
import { createLogWriter, type FoldedLog } from "./log.ts";
import { changeMarker, drivingMs, type HeldMarker, type Marker, markerName } from "./marker.ts";
import { advance, isDone, isRepeated } from "./progress.ts";
import { type RunResult, rotateAll } from "./rotateAll.ts";
import { type ClaimedRun, isEnded, isSettled, readProgress } from "./runs.ts";

/** `failed`: after the drive, storage did not take the run's log or return it. `result` is what the drive did. */
export type Driven = ({ readonly kind: "driven" } | Failed) & { readonly result: RunResult };

const longestPauseMs = 3_600_000;

/** The pause before a run is driven again: two call time-outs at first, doubled with each drive, at most an hour. */
const pauseMs = ({ drives }: Marker, { callTimeoutMs }: StorageTerms): number =>
  Math.min(2 ** Math.max(1, drives) * callTimeoutMs, longestPauseMs);

/**
 * Drives a run as far as this invocation's time allows: rotates the gateways that are open and due, does the
 * verifications that are due, and appends each new outcome to the log. At the end it reads the log again, since another
 * driver may have appended to it. When every gateway is settled and verified, it removes the marker; the document and
 * the log stay. A driver that has lost its claim may still rotate a gateway after that. The gateway's journal shows that
 * rotation, and resume continues it.
 */
export async function driveRun(
  services: RotationServices,
  storage: StorageTerms,
  { run, held }: ClaimedRun,
  terms: InvocationTerms,
): Promise<Driven> {
  const { document } = run;
  const { marker } = held;
  const storageNow = () => services.clock.now() + held.clockOffsetMs;
  const inOrder = createQueue();
  const log = createLogWriter(storage, document.id, inOrder);
  const claim = createClaim(storage, held, storageNow);
  const now = storageNow();
  const todo = run.gateways.filter((gateway) => !isDone(gateway) && gateway.at <= now);

  /** When each gateway whose progress did not change is due again, by name. The log keeps only the time of its first line. */
  const repeated = new Map<string, number>();
  const result = await rotateAll(
    services,
    todo,
    { ...terms, run: document, createdAt: document.createdAt },
    (before, outcome) => {
      const when = storageNow();
      const after = advance(before, outcome, when, when + pauseMs(marker, storage));
      if (isRepeated(before, after)) repeated.set(before.name, after.at);
      else log.add({ run: document.createdAt, gateway: before.name, driver: marker.driver, when, ...after });
      void inOrder(claim.renew);
    },
  );

  const problem = await log.flush();
  if (problem !== undefined) return { kind: "failed", problem, result };
  const read = await readProgress(storage, document);
  if (read.kind === "failed") return { ...read, result };
  const after = read.run;

  const isNewlyCompleted = isSettled(after) && !marker.completed;
  if (isNewlyCompleted || !isEnded(after)) {
    const due = after.gateways.flatMap((gateway) =>
      isDone(gateway) ? [] : [repeated.get(gateway.name) ?? gateway.at],
    );
    const isReleased = await claim.change({
      drivenUntil: 0,
      resumeAt: due.length === 0 ? 0 : due.reduce((a, b) => Math.min(a, b)),
      completed: isSettled(after),
    });
    // Only the driver that records the completion reports it. Where this write failed, the next driver does both.
    if (!isReleased) return { kind: "driven", result };
    if (isNewlyCompleted)
      services.events.emit({
        name: "RotationRunCompleted",
        run: document,
        ...countsOf(after),
        durationMs: storageNow() - document.createdAt,
      });
  }
  if (isEnded(after)) await claim.remove();
  return { kind: "driven", result };
}

/** Counts all gateways of a run, whichever drive settled them. */
function countsOf({ gateways }: FoldedLog) {
  const count = (kind: string) => gateways.filter(({ outcome }) => outcome?.kind === kind).length;
  return { rotated: count("rotated"), skipped: count("skipped"), failed: count("failed") };
}

/** Runs one write at a time, in the order of the calls. */
function createQueue(): <T>(write: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (write) => {
    const next = last.then(write);
    last = next.catch(() => {});
    return next;
  };
}

/** The driver's claim on the run. Once another driver has taken the claim over, nothing here writes or removes it. */
function createClaim(storage: StorageTerms, first: HeldMarker, storageNow: () => number) {
  let held: HeldMarker | undefined = first;

  async function change(changes: Partial<Marker>): Promise<boolean> {
    if (held === undefined) return false;
    const changed = await changeMarker(storage, held, changes);
    if (changed.kind === "held") held = changed.held;
    if (changed.kind === "lost") held = undefined;
    return changed.kind === "held";
  }

  return {
    change,
    async renew(): Promise<void> {
      if (held === undefined || held.marker.drivenUntil - storageNow() > drivingMs(storage) / 2) return;
      await change({ drivenUntil: storageNow() + drivingMs(storage) });
    },
    async remove(): Promise<void> {
      if (held !== undefined) await storage.blobs.remove(markerName(held.id), held.etag);
    },
  };
}
