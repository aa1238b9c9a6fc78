import pMap from "p-map";
import type { Gateway } from "../domain/target.ts";
import { reportOutcome } from "./events.ts";
import * as failures from "./failures.ts";
import { createLeases } from "./lease.ts";
import type { FailedRotation, RotationOutcome } from "./outcome.ts";
import { createPreflight } from "./preflight.ts";
import { rotateGateway } from "./rotateGateway.ts";
import type { RotationServices, RunTerms } from "./services.ts";

/** What a run did. Of the gateways only the failed ones are kept: memory does not grow with the others. */
export interface RunResult {
  readonly rotated: number;
  readonly skipped: number;
  readonly unsettled: number;
  readonly failed: readonly FailedRotation[];
}

/**
 * Rotates every gateway that is due, at most `terms.concurrency` at a time. One failure stops no other: it is
 * reported as an event at once and returned at the end. Nor does one vault: while a key waits for a vault that
 * refuses it, its turn goes to the next gateway, and the vault has to show again that it takes writes. Never throws.
 */
export async function rotateAll(
  services: RotationServices,
  gateways: readonly Gateway[],
  terms: RunTerms,
): Promise<RunResult> {
  const startedAt = services.clock.now();
  const counts = { rotated: 0, skipped: 0, unsettled: 0 };
  const failed: FailedRotation[] = [];
  const preflight = createPreflight(services, terms);
  const leases = createLeases(services, terms);
  const waitingForVault: Promise<void>[] = [];

  async function rotate(gateway: Gateway, yieldTurn: () => void): Promise<void> {
    const outcome = await attempt(services, gateway, terms, { leases, preflight, yield: yieldTurn });
    if (outcome.kind === "failed") failed.push(outcome);
    else counts[outcome.kind] += 1;
    reportOutcome(services.events, terms.run, outcome);
    terms.onOutcome?.(outcome);
  }

  async function takeTurn(gateway: Gateway): Promise<void> {
    const yielded = Promise.withResolvers<"yielded">();
    const rotation = rotate(gateway, () => yielded.resolve("yielded"));
    if ((await Promise.race([rotation, yielded.promise])) === "yielded") waitingForVault.push(rotation);
  }

  await pMap(gateways, takeTurn, { concurrency: terms.concurrency });
  await Promise.all(waitingForVault);

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

async function attempt(...terms: Parameters<typeof rotateGateway>): Promise<RotationOutcome> {
  try {
    return await rotateGateway(...terms);
  } catch (error) {
    return failures.unexpected(terms[1], error);
  }
}
