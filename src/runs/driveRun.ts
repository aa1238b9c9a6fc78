import type { CallProblem } from "../domain/attempt.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { RotationServices } from "../rotation/services.ts";
import { type InvocationTerms, quietPeriodMs } from "../rotation/terms.ts";
import { gatewayOf, runOf } from "./document.ts";
import { createLogWriter, type FoldedLog } from "./log.ts";
import { changeMarker, drivingMs, type HeldMarker, markerName } from "./marker.ts";
import { advance, isDone } from "./progress.ts";
import { type RunResult, rotateAll } from "./rotateAll.ts";
import { type ClaimedRun, isEnded, readProgress } from "./runs.ts";

export type Driven =
  | { readonly kind: "driven"; readonly result: RunResult }
  | { readonly kind: "failed"; readonly problem: CallProblem };

const longestPauseMs = 3_600_000;

/** Pauses between drives of a run that has not ended: two calls' time, doubled with each, at most an hour. */
const pauseMs = (drives: number, { callTimeoutMs }: StorageTerms): number =>
  Math.min(2 ** Math.max(1, drives) * callTimeoutMs, longestPauseMs);

/**
 * Drives a run as far as this invocation gets: rotates gateways that are open and due, and does verifications whose
 * time has come. Each outcome is appended to the log. At the end the log is read once more, for another driver may
 * have written to it; the marker goes when every gateway is settled and verified, and the document and the log stay.
 * Where a driver was overtaken, all gateways are read once more when it can act no more: it may have left an intent.
 */
export async function driveRun(
  services: RotationServices,
  storage: StorageTerms,
  { run, held }: ClaimedRun,
  terms: InvocationTerms,
): Promise<Driven> {
  const { document } = run;
  const { clock } = services;
  const storageNow = () => clock.now() + held.clockOffsetMs;
  const inOrder = createQueue();
  const log = createLogWriter(storage, document.id, inOrder);
  const claim = createClaim(storage, held, storageNow);
  const gateways = [...run.gateways];
  const now = storageNow();
  const isLastLook = isEnded(run) && isPast(held.marker.endsAfter, now);
  const todo = gateways.flatMap((gateway, i) =>
    isLastLook || (!isDone(gateway) && gateway.at <= now) ? [i] : [],
  );

  const gatewayAt = (i: number) => gateways[i] ?? missing(i);
  const result = await rotateAll<number>(
    services,
    todo,
    {
      gatewayOf: (i) => gatewayOf(gatewayAt(i)),
      isSettled: (i) => gatewayAt(i).state !== "open",
      reported(i) {
        const { outcome } = gatewayAt(i);
        return outcome?.kind === "rotated" ? outcome.clientRequestId : undefined;
      },
      onOutcome(i, outcome) {
        const before = gatewayAt(i);
        const when = storageNow();
        const after = advance(before, outcome, when + pauseMs(held.marker.drives, storage));
        gateways[i] = { ...before, ...after };
        log.add({ gateway: before.name, driver: held.marker.driver, when, ...after });
        void inOrder(claim.renew);
      },
    },
    { ...terms, run: runOf(document), createdAt: document.createdAt },
  );

  const problem = await log.flush();
  if (problem !== undefined) return { kind: "failed", problem };
  const read = await readProgress(storage, document);
  if (read.kind === "failed") return read;
  if (read.kind === "found") {
    // A final failure has no open intent behind it: it ends the last look as well.
    const hasLookedLast = isLastLook && result.pending === 0 && result.failed.every(({ final }) => final);
    await claim.release(
      read.run,
      hasLookedLast,
      isLastLook ? storageNow() + quietPeriodMs(terms) : undefined,
    );
  }
  return { kind: "driven", result };
}

/** One after the other, in the order in which they are handed in. */
function createQueue(): <T>(write: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (write) => {
    const next = last.then(write);
    last = next.catch(() => {});
    return next;
  };
}

/** The driver's claim on the run. Once another driver has taken it over, that one decides how the run continues. */
function createClaim(storage: StorageTerms, first: HeldMarker, storageNow: () => number) {
  let held = first;
  let isOurs = true;

  return {
    async renew(): Promise<void> {
      if (!isOurs || held.marker.drivenUntil - storageNow() > drivingMs(storage) / 2) return;
      const renewed = await changeMarker(storage, held, { drivenUntil: storageNow() + drivingMs(storage) });
      if (renewed.kind === "held") held = renewed.held;
      if (renewed.kind === "lost") isOurs = false;
    },
    /**
     * Ends the run, or leaves it to resume until something is due again.
     *
     * @param againAt when a last look that failed is repeated, in milliseconds since 1970
     */
    async release(run: FoldedLog, hasLookedLast: boolean, againAt?: number): Promise<void> {
      if (!isOurs) return;
      const { endsAfter } = held.marker;
      if (isEnded(run) && (endsAfter === 0 || hasLookedLast)) {
        await storage.blobs.remove(markerName(held.id), held.etag);
        return;
      }
      const due = run.gateways.filter((gateway) => !isDone(gateway)).map(({ at }) => at);
      const resumeAt = due.reduce(
        (a, b) => Math.min(a, b),
        due.length === 0 ? (againAt ?? endsAfter) : Infinity,
      );
      await changeMarker(storage, held, { drivenUntil: 0, resumeAt });
    },
  };
}

const isPast = (time: number, now: number): boolean => time > 0 && time <= now;

function missing(i: number): never {
  throw new RangeError(`The run has no gateway ${i}`);
}
