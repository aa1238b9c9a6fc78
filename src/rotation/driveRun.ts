import type { CallProblem } from "../domain/attempt.ts";
import type { StorageTerms } from "./conditionalWrite.ts";
import type { RotationOutcome } from "./outcome.ts";
import { type RunResult, rotateAll } from "./rotateAll.ts";
import {
  claimRun,
  drivingMs,
  gatewayOf,
  type HeldRun,
  markerName,
  type RunGateway,
  runOf,
  writeRun,
} from "./runs.ts";
import type { InvocationTerms, RotationServices } from "./services.ts";

export type Driven =
  | { readonly kind: "driven"; readonly result: RunResult }
  | { readonly kind: "failed"; readonly problem: CallProblem };

const minuteMs = 60_000;

/** Pauses between drives of a run that is not done: 1, 2, 4 … minutes, at most an hour. */
const pauseMs = (drives: number): number => Math.min(2 ** Math.max(0, drives - 1), 60) * minuteMs;

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
  let run = held;
  const now = () => services.clock.now() + run.clockOffsetMs;
  const outcomes = new Map<string, RotationOutcome>();
  const todo = run.record.gateways.filter(({ state, at }) => state !== "done" && at <= now());
  let renewing: Promise<unknown> = Promise.resolve();

  async function renew(): Promise<void> {
    if (run.record.drivenUntil - now() > drivingMs(storage) / 2) return;
    const claimed = await claimRun(storage, {
      ...run,
      record: { ...run.record, drives: run.record.drives - 1 },
    });
    if (claimed.kind === "held") run = claimed.run;
  }

  const result = await rotateAll(services, todo.map(gatewayOf), {
    ...terms,
    run: runOf(run.record),
    createdAt: run.record.createdAt,
    onOutcome(outcome) {
      outcomes.set(outcome.gateway.name, outcome);
      renewing = renewing.then(renew);
    },
  });
  await renewing;

  const { drives } = run.record;
  const gateways = run.record.gateways.map((kept) =>
    settle(kept, outcomes.get(kept.name), now() + pauseMs(drives)),
  );
  const unfinished = gateways.filter(({ state }) => state !== "done");
  const done = unfinished.length === 0;
  const written = await writeRun(storage, run, {
    ...run.record,
    gateways,
    drivenUntil: 0,
    resumeAt: done ? 0 : Math.min(...unfinished.map(({ at }) => at)),
  });
  if (written.kind === "failed") return written;
  if (done && written.kind === "held") await storage.blobs.remove(markerName(run.record.id));
  return { kind: "driven", result };
}

/** @param later when to try again what has failed and may pass by itself */
function settle(kept: RunGateway, outcome: RotationOutcome | undefined, later: number): RunGateway {
  if (outcome === undefined) return kept;
  switch (outcome.kind) {
    case "rotated":
      return {
        ...kept,
        state: "owed",
        at: outcome.checkAt,
        outcome: { kind: "rotated", secretVersion: outcome.secretVersion },
      };
    case "skipped": {
      const state = outcome.checkAt === undefined ? "done" : "owed";
      return { ...kept, state, at: outcome.checkAt ?? kept.at, outcome: kept.outcome ?? { kind: "skipped" } };
    }
    case "failed": {
      const { code, message } = outcome;
      return {
        ...kept,
        state: outcome.final ? "done" : kept.state,
        at: later,
        outcome: { kind: "failed", code, message },
      };
    }
    case "unsettled":
      return { ...kept, at: outcome.until };
  }
}
