import pMap from "p-map";
import type { Gateway } from "../domain/target.ts";
import { reportOutcome } from "./events.ts";
import * as failures from "./failures.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";
import { rotateGateway } from "./rotateGateway.ts";
import type { RotationServices, RunTerms } from "./services.ts";

/** What a run did. Of the gateways only the failed ones are kept: memory does not grow with the others. */
export interface RunResult {
  readonly rotated: number;
  readonly skipped: number;
  readonly failed: readonly FailedRotation[];
}

/**
 * Rotates every gateway that is due, at most `terms.concurrency` at a time. One failure stops no other: it is
 * reported as an event at once and returned at the end. Never throws.
 */
export async function rotateAll(
  services: RotationServices,
  gateways: readonly Gateway[],
  terms: RunTerms,
): Promise<RunResult> {
  const startedAt = services.clock.now();
  const counts = { rotated: 0, skipped: 0 };
  const failed: FailedRotation[] = [];

  await pMap(
    gateways,
    async (gateway) => {
      const outcome = await attempt(services, gateway, terms);
      if (outcome.kind === "failed") failed.push(outcome);
      else counts[outcome.kind] += 1;
      reportOutcome(services.events, terms.run, outcome);
    },
    { concurrency: terms.concurrency },
  );

  const durationMs = services.clock.now() - startedAt;
  services.events.emit({
    name: "RotationRunCompleted",
    run: terms.run,
    ...counts,
    failed: failed.length,
    durationMs,
  });
  return { ...counts, failed };
}

async function attempt(
  services: RotationServices,
  gateway: Gateway,
  terms: RunTerms,
): Promise<RotationOutcome> {
  try {
    return await rotateGateway(services, gateway, terms);
  } catch (error) {
    return failures.unexpected(gateway, error);
  }
}
