import pMap from "p-map";
import { describeWithoutMessage } from "../domain/redacted.ts";
import { createJournals } from "../journal/journals.ts";
import { createPacing } from "../pacing/pacing.ts";
import { createPlaces, type Place } from "../pacing/places.ts";
import { type RotationServices, type RunTerms, storageTerms } from "../rotation/context.ts";
import { failure } from "../rotation/failures.ts";
import type { FailedRotation, KnownOutcome } from "../rotation/outcome.ts";
import { createPreflight } from "../rotation/preflight.ts";
import { rotateGateway } from "../rotation/rotateGateway.ts";
import { gatewayOf } from "./document.ts";
import type { RunGateway } from "./log.ts";

/** The outcome of one drive of a run. It keeps failed gateways only, so that memory does not grow with the others. */
export interface RunResult {
  readonly rotated: number;
  readonly skipped: number;
  readonly pending: number;
  readonly failed: readonly FailedRotation[];
}

/**
 * All subscriptions together have 8 × `terms.concurrency` places. With half as many, 10,000 gateways in 50
 * subscriptions take twice as long; each place takes about 0.3 MiB of memory.
 */
const placesForEach = 8;

/**
 * Rotates every gateway that is due: at most `terms.concurrency` of one subscription at a time, and eight times as many
 * of all subscriptions. A failure stops no other gateway: it is emitted as an event at once and returned at the end.
 * While gateways wait for the limit of their subscription, other subscriptions use their places. While a vault refuses a
 * key, the next gateway takes that gateway's turn, and the vault must pass a preflight again.
 *
 * @param onOutcome called with the outcome of each gateway, as soon as it is known
 * @throws what `onOutcome` and `gatewayOf` throw
 */
export async function rotateAll(
  given: RotationServices,
  gateways: readonly RunGateway[],
  terms: RunTerms,
  onOutcome: (before: RunGateway, outcome: KnownOutcome) => void,
): Promise<RunResult> {
  const counts = { rotated: 0, skipped: 0, pending: 0 };
  const failed: FailedRotation[] = [];
  const { services, paceOf } = createPacing(given);
  const preflight = createPreflight(services, terms);
  const journals = createJournals(storageTerms(services, terms));
  const places = createPlaces(placesForEach * terms.concurrency);
  const waitingForVault: Promise<void>[] = [];

  async function takeTurn(before: RunGateway): Promise<void> {
    const place = await places.take();
    const yielded = Promise.withResolvers<"yielded">();
    const rotation = rotate(before, place, () => yielded.resolve("yielded"));
    if ((await Promise.race([rotation, yielded.promise])) === "yielded") waitingForVault.push(rotation);
    place.leave();
  }

  async function rotate(before: RunGateway, place: Place, yieldTurn: () => void): Promise<void> {
    const outcome = await attempt(before, place, yieldTurn);
    if (outcome.kind === "failed") {
      failed.push(outcome);
      const keyWorks = outcome.key?.works ?? "unknown";
      services.events.emit({ ...outcome, keyWorks, name: "GatewayKeyRotationFailed", run: terms.run });
    } else counts[outcome.kind] += 1;
    onOutcome(before, outcome);
  }

  async function attempt(before: RunGateway, place: Place, yieldTurn: () => void): Promise<KnownOutcome> {
    // Made when its turn comes: all of them at once would take most of a run's memory.
    const gateway = gatewayOf(before);
    // A run that resume created finishes what another run left, and begins no rotation.
    const isSettled = before.state !== "open" || terms.run.trigger === "resume";
    const pace = paceOf(gateway, place);
    const turn = { journals, preflight, pace, isSettled, reported: before.versions, yield: yieldTurn };
    try {
      return await rotateGateway(services, gateway, terms, turn);
    } catch (error) {
      return {
        ...failure("unexpected", gateway, describeWithoutMessage(error)),
        key: undefined,
        versions: [],
      };
    } finally {
      pace.end();
    }
  }

  const bySubscription = Map.groupBy(gateways, (each) => gatewayOf(each).target.subscriptionId.toLowerCase());
  await Promise.all(
    [...bySubscription.values()].map((queue) => pMap(queue, takeTurn, { concurrency: terms.concurrency })),
  );
  await Promise.all(waitingForVault);
  return { ...counts, failed };
}

const nothingDriven: RunResult = { rotated: 0, skipped: 0, pending: 0, failed: [] };

/**
 * Fails the invocation, so that the platform's own alerts see it. The message names each failed gateway and each problem
 * with a next action. It counts the rotated gateways even when the blobs of their run could not be written.
 */
export class RunFailedError extends Error {
  override readonly name = "RunFailedError";

  /** @param problems of runs, each with its next action; at least one if no gateway failed */
  constructor(
    { rotated, skipped, pending, failed }: RunResult = nothingDriven,
    problems: readonly string[] = [],
  ) {
    const total = rotated + skipped + pending + failed.length;
    const counts = `${rotated} rotated, ${skipped} skipped, ${pending} left to resumeRotations`;
    const head =
      failed.length === 0
        ? `None of ${total} gateways failed (${counts}), but some runs could not be read, written or continued.`
        : `${failed.length} of ${total} gateways failed (${counts}).`;
    super([head, ...failed.map(describe), ...problems.map((problem) => `- ${problem}`)].join("\n"));
  }
}

const describe = ({ gateway, code, effect, message, nextAction }: FailedRotation): string =>
  `- ${gateway.name} (${gateway.target.resourceId})\n  ${code}, key ${effect}: ${message}\n  Next: ${nextAction}`;
