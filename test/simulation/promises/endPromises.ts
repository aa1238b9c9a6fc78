import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../../src/domain/target.ts";
import { isDone } from "../../../src/runs/progress.ts";
import {
  publishedKeyWorks,
  recover,
  rotationRunner,
  runWithoutFaults,
  versionsOf,
} from "../engine/engineRunners.ts";
import { regenerations, type World } from "../models/world.ts";
import type { Violation } from "./promiseList.ts";
import { type Circumstances, inWorld, onEvents, withStoredDestination } from "./stepPromises.ts";
import { compromisedRunsOf, journalsOf, lastRotated, runsIn } from "./storedRecords.ts";

export interface PromiseTerms extends Circumstances {
  /** The world at the start of the schedule. */
  readonly before: World;
  /** The gateways that are configured at the end, as they are then. */
  readonly configured: readonly Gateway[];
  /** How many keys of one gateway a schedule without faults makes. */
  readonly keys: { readonly least: number; readonly most: number };
  /** Whether there is one runner. Only recovery continues its work. */
  readonly alone: boolean;
}

/** The largest numbers of any schedule, for one gateway. */
export interface LargestCounts {
  regenerates: number;
  /** Keys beyond what was asked for, divided by the number of faults. */
  addedPerFault: number;
}

/** The faults of one schedule. */
export interface FaultCounts {
  readonly count: number;
  readonly crashes: number;
  readonly refusals: number;
  /** Lost answers of storage to a journal write that took effect. */
  readonly journalAnswers: number;
}

/**
 * The violations after a schedule and its recovery.
 *
 * @param world the world at the end of the schedule
 * @param largest is raised to this schedule's numbers
 */
export async function afterRecovery(
  terms: PromiseTerms,
  world: World,
  faults: FaultCounts,
  largest: LargestCounts,
): Promise<readonly Violation[]> {
  const { before, gateways, configured, outsideWrites, journalsDeleted, edited, clocksJump } = terms;
  const found: Violation[] = [];
  const observer = {
    onWorld: (reached: World) => void found.push(...inWorld(terms, reached)),
    onEvents: (reached: World, fresh: readonly RotationEvent[], earlier: readonly RotationEvent[]) =>
      void found.push(...onEvents(terms, reached, fresh, earlier)),
  };
  const recovered = await recover(world, observer);
  if (recovered === undefined) return [...found, { promise: "ends", what: "a run stays open" }];
  /** A journal that was deleted names no destination: then the configuration of the end does. */
  const atEnd = (gateway: Gateway) =>
    configured.find(({ target }) => target.identity === gateway.target.identity) ?? gateway;
  const worksAfter = (after: World) => (gateway: Gateway) =>
    works(after, before, withStoredDestination(after, atEnd(gateway)));
  if (!outsideWrites && !gateways.every(worksAfter(recovered)))
    found.push({ promise: "works-in-the-end", what: "the vault was left with a dead key" });
  const journals = gateways.flatMap((gateway) => journalsOf(recovered, gateway));
  if (!journalsDeleted && journals.some(({ verification }) => verification !== null))
    found.push({ promise: "ends", what: "a verification stays due" });
  if (!journalsDeleted && journals.some(({ intent }) => intent !== null))
    found.push({ promise: "ends", what: "an intent stays open" });
  // Of two drivers, one that was overtaken can report a doubt after the run has ended.
  if (terms.alone && runsIn(recovered).some((run) => !run.gateways.every(isDone)))
    found.push({ promise: "ends", what: "a gateway of a run stays open in its log" });
  // With a wrong clock, an older run may take itself for the newer one.
  if (
    !outsideWrites &&
    !journalsDeleted &&
    !clocksJump &&
    !gateways.every((each) => works(recovered, before, lastRotated(recovered, each) ?? each))
  )
    found.push({
      promise: "newest-run",
      what: "an older run has killed the key that a newer run published",
    });
  let end: World | undefined = recovered;
  if (outsideWrites || journalsDeleted || edited) {
    end = await recover(await oneRunLater(recovered, configured), observer);
    if (end === undefined) return [...found, { promise: "ends", what: "after another run a run stays open" }];
    const last = end;
    const promise = edited ? "follows-configuration" : "works-in-the-end";
    if (!configured.every((gateway) => publishedKeyWorks(last, gateway) === true))
      found.push({ promise, what: "after another run a configured gateway has no key that works" });
    if (!outsideWrites && !gateways.every(worksAfter(last)))
      found.push({ promise, what: "after another run a gateway that was removed has a dead key" });
  }
  for (const gateway of gateways) {
    const made = keysMade(end, gateway) - keysMade(before, gateway);
    largest.regenerates = Math.max(largest.regenerates, made);
    if (!outsideWrites && !journalsDeleted && !edited)
      found.push(...wrongCounts(terms, gateway, { world, end, made, faults }, largest));
  }
  return found;
}

/** Whether the published key works. A gateway that had and has no version counts as working. */
const works = (world: World, before: World, gateway: Gateway): boolean =>
  publishedKeyWorks(world, gateway) ?? publishedKeyWorks(before, gateway) === undefined;

interface CountedSchedule {
  /** Before recovery. */
  readonly world: World;
  /** After recovery. */
  readonly end: World;
  readonly made: number;
  readonly faults: FaultCounts;
}

/** How many regenerated keys one fault may add. */
const mostAddedPerFault = 2;

/** The violations of promises about numbers: of keys, versions and slots. */
function* wrongCounts(
  { before, keys, alone, clocksJump }: PromiseTerms,
  gateway: Gateway,
  { world, end, made, faults }: CountedSchedule,
  largest: LargestCounts,
): Generator<Violation> {
  const versions = versionsOf(end, gateway).length - versionsOf(before, gateway).length;
  if (faults.count === 0) {
    const promise = "once-without-faults";
    if (made < keys.least)
      yield { promise, what: `without a fault ${made} keys were made, not at least ${keys.least}` };
    if (made > keys.most)
      yield { promise, what: `without a fault ${made} keys were made, not at most ${keys.most}` };
    if (versions !== made)
      yield { promise, what: `without a fault ${made} keys were made, and ${versions} versions` };
  } else if (!clocksJump) {
    const added = made - keys.most;
    largest.addedPerFault = Math.max(largest.addedPerFault, added / faults.count);
    if (added > mostAddedPerFault * faults.count)
      yield { promise: "faults-bounded", what: `${faults.count} faults added ${added} keys` };
  }
  const compromised = compromisedRunsOf(end, gateway).length > compromisedRunsOf(before, gateway).length;
  const unreplaced = Object.keys(end.targets[gateway.target.identity] ?? {}).filter(
    (slot) => keysOfSlot(end, gateway, slot) === keysOfSlot(before, gateway, slot),
  );
  if (compromised && faults.refusals === 0 && unreplaced.length > 0)
    yield {
      promise: "every-slot",
      what: `a compromised run did not replace ${unreplaced.join(" and ")}`,
    };
  const stored = versionsOf(world, gateway).length > versionsOf(before, gateway).length;
  const madeSince = keysMade(end, gateway) > keysMade(world, gateway);
  if (alone && !compromised && faults.count === faults.crashes && stored && madeSince)
    yield { promise: "stored-once", what: "after a crash, a key was regenerated although one was stored" };
  const open = journalsOf(world, gateway).some(({ intent }) => intent !== null);
  if (alone && faults.count === 1 && faults.journalAnswers === 1 && open)
    yield { promise: "own-write", what: "a runner took its own write for another runner's" };
}

const keysMade = (world: World, { target }: Gateway): number => regenerations(world, target);

const keysOfSlot = (world: World, { target }: Gateway, slot: string): number =>
  world.targets[target.identity]?.[slot]?.length ?? 0;

const dayMs = 86_400_000;

const oneRunLater = (world: World, gateways: readonly Gateway[]): Promise<World> =>
  runWithoutFaults({ ...world, now: world.now + dayMs }, rotationRunner("later", gateways));
