import { hash } from "node:crypto";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { cleanly, publishedKeyWorks, recover, running, versionsOf } from "./engine.ts";
import type { ExploreTerms } from "./explore.ts";
import type { Call } from "./fate.ts";
import { compromisedRunsOf, journalsOf, lastRotated } from "./kept.ts";
import { describeViolation, firstOf, type PromiseId, type Violation } from "./promiseList.ts";
import { beforeSending, type Circumstances, inWorld, kept, onEvents } from "./proofMoments.ts";
import { hashWorld, regenerations, type World } from "./world.ts";

export interface PromiseTerms extends Circumstances {
  readonly before: World;
  /** Those that are configured at the end, as they are then. */
  readonly configured: readonly Gateway[];
  /** How many keys of one gateway are made where nothing goes wrong. */
  readonly keys: { readonly least: number; readonly most: number };
  /** Whether one runner is alone: recovery alone continues what it left. */
  readonly alone: boolean;
}

/** Nothing but the runners acts on the services. */
export const asConfigured = (gateways: readonly Gateway[]) => ({
  gateways,
  configured: gateways,
  hands: false,
  journalsLost: false,
  edited: false,
  clocksJump: false,
});

/** The most that any schedule made of one gateway. */
export interface Most {
  regenerates: number;
  /** Beyond what was asked for, for each fault. */
  addedByAFault: number;
}

/** Each of these returns what is wrong, or undefined. */
export interface Promises {
  readonly most: Most;
  inWorld(world: World): string | undefined;
  /** Of a call that was just made. */
  beforeSending(world: World, call: Call): string | undefined;
  /** Of what a runner has just reported. */
  onEvents(
    world: World,
    fresh: readonly RotationEvent[],
    earlier: readonly RotationEvent[],
  ): string | undefined;
  /** Of what recovery makes of a moment after which nothing more happens by itself. */
  atEnd(world: World, faults: Faults): Promise<string | undefined>;
  /** All of it for one schedule: a new oracle for each, since it remembers what it has seen. */
  makeOracle(): ExploreTerms["oracle"];
}

/**
 * What is promised, compared with every moment of a schedule, its end, and what recovery makes of that end.
 *
 * @param only the one promise to watch; undefined: all
 */
export function createPromises(terms: PromiseTerms, only?: PromiseId): Promises {
  const most: Most = { regenerates: 0, addedByAFault: 0 };
  const known = new Map<string, Promise<string | undefined>>();
  const said = (violations: Iterable<Violation>): string | undefined => {
    const found = firstOf(violations, only);
    return found === undefined ? undefined : describeViolation(found);
  };

  function atEnd(world: World, faults: Faults): Promise<string | undefined> {
    const key = hash("sha1", `${JSON.stringify(faults)}\n${hashWorld(world)}`);
    const verdict = known.get(key) ?? afterRecovery(terms, world, faults, most).then(said);
    known.set(key, verdict);
    return verdict;
  }

  return {
    most,
    inWorld: (world) => said(inWorld(terms, world)),
    beforeSending: (world, call) => said(beforeSending(terms, world, call)),
    onEvents: (world, fresh, earlier) => said(onEvents(terms, world, fresh, earlier)),
    atEnd,
    makeOracle() {
      const sent = new Set<string>();
      const reported = new Map<string, number>();
      const documents = new Map<string, string>();
      return (simulation, ended) => {
        const world = simulation.world();
        const wrong = said(inWorld(terms, world)) ?? said(changedDocuments(world, documents));
        if (wrong !== undefined) return wrong;
        for (const { id, calls, events } of simulation.runners()) {
          const before = reported.get(id) ?? 0;
          reported.set(id, events.length);
          const untrue = said(onEvents(terms, world, events.slice(before), events.slice(0, before)));
          if (untrue !== undefined) return untrue;
          for (const { number, call } of calls) {
            if (sent.has(`${id} ${number}`)) continue;
            sent.add(`${id} ${number}`);
            const violation = said(beforeSending(terms, world, call));
            if (violation !== undefined) return violation;
          }
        }
        return ended ? atEnd(world, faultsIn(simulation.log())) : undefined;
      };
    },
  };
}

/** Documents of runs that are not what they were; `known` remembers each. */
function* changedDocuments({ blobs }: World, known: Map<string, string>): Generator<Violation> {
  for (const { name, text } of blobs.blobs) {
    if (!/^runs\/.*\.json$/.test(name)) continue;
    if ((known.get(name) ?? text) !== text) yield { promise: "one-document", what: `${name} was changed` };
    known.set(name, text);
  }
}

export interface Faults {
  readonly count: number;
  readonly crashes: number;
  readonly refusals: number;
  /** Answers of storage to a journal's write that were lost after it had taken effect. */
  readonly journalAnswers: number;
}

function faultsIn(log: readonly string[]): Faults {
  const matching = (pattern: RegExp): number => log.filter((line) => pattern.test(line)).length;
  return {
    count: matching(/→ (refused .*|lost\w+|twice|late|dies\w+)$|: (kill|freeze)$| ms( pass)?$/),
    crashes: matching(/→ dies\w+$|: kill$/),
    refusals: matching(/→ refused /),
    journalAnswers: matching(/: writeBlob gateways\/.* → lostAfter$/),
  };
}

async function afterRecovery(
  terms: PromiseTerms,
  world: World,
  faults: Faults,
  most: Most,
): Promise<readonly Violation[]> {
  const { before, gateways, configured, hands, journalsLost, edited, clocksJump } = terms;
  const found: Violation[] = [];
  const watch = {
    onWorld: (moment: World) => void found.push(...inWorld(terms, moment)),
    onEvents: (moment: World, fresh: readonly RotationEvent[], earlier: readonly RotationEvent[]) =>
      void found.push(...onEvents(terms, moment, fresh, earlier)),
  };
  const recovered = await recover(world, watch);
  if (recovered === undefined) return [...found, { promise: "ends", what: "a run stays open" }];
  if (!hands && !gateways.every((gateway) => works(recovered, before, kept(recovered, gateway))))
    found.push({ promise: "works-in-the-end", what: "the vault was left with a dead key" });
  const journals = gateways.flatMap((gateway) => journalsOf(recovered, gateway));
  if (!journalsLost && journals.some(({ verification }) => verification !== null))
    found.push({ promise: "ends", what: "a verification stays due" });
  if (!journalsLost && journals.some(({ intent }) => intent !== null))
    found.push({ promise: "ends", what: "an intent stays open" });
  // By a clock that is wrong, an older run may take itself for the younger one.
  if (
    !hands &&
    !journalsLost &&
    !clocksJump &&
    !gateways.every((each) => works(recovered, before, lastRotated(recovered, each) ?? each))
  )
    found.push({
      promise: "newest-run",
      what: "an older run has killed the key that a younger one published",
    });
  let end: World | undefined = recovered;
  if (hands || journalsLost || edited) {
    end = await recover(await aRunLater(recovered, configured), watch);
    if (end === undefined) return [...found, { promise: "ends", what: "a run later a run stays open" }];
    const last = end;
    const promise = edited ? "follows-configuration" : "works-in-the-end";
    if (!configured.every((gateway) => publishedKeyWorks(last, gateway) === true))
      found.push({ promise, what: "a run later a configured gateway has no key that works" });
    if (!hands && !gateways.every((gateway) => works(last, before, kept(last, gateway))))
      found.push({ promise, what: "a run later a gateway that is not configured any more has a dead key" });
  }
  for (const gateway of gateways) {
    const made = keysMade(end, gateway) - keysMade(before, gateway);
    most.regenerates = Math.max(most.regenerates, made);
    if (!hands && !journalsLost && !edited)
      found.push(...inTheCount(terms, gateway, { world, end, made, faults }, most));
  }
  return found;
}

/** What was never published cannot be dead. */
const works = (world: World, before: World, gateway: Gateway): boolean =>
  publishedKeyWorks(world, gateway) ?? publishedKeyWorks(before, gateway) === undefined;

interface Counted {
  /** Before recovery, and after. */
  readonly world: World;
  readonly end: World;
  readonly made: number;
  readonly faults: Faults;
}

/** How many regenerated keys one fault adds at most. */
const addedByAFault = 2;

function* inTheCount(
  { before, keys, alone, clocksJump }: PromiseTerms,
  gateway: Gateway,
  { world, end, made, faults }: Counted,
  most: Most,
): Generator<Violation> {
  const versions = versionsOf(end, gateway).length - versionsOf(before, gateway).length;
  if (faults.count === 0) {
    const promise = "once-without-faults";
    if (made < keys.least)
      yield { promise, what: `without a fault ${made} keys were made, of ${keys.least}` };
    if (made > keys.most) yield { promise, what: `without a fault ${made} keys were made, of ${keys.most}` };
    if (versions !== made) yield { promise, what: `without a fault ${made} keys gave ${versions} versions` };
  } else if (!clocksJump) {
    const added = made - keys.most;
    most.addedByAFault = Math.max(most.addedByAFault, added / faults.count);
    if (added > addedByAFault * faults.count)
      yield { promise: "faults-bounded", what: `${faults.count} faults added ${added} keys` };
  }
  const compromised = compromisedRunsOf(end, gateway).length > compromisedRunsOf(before, gateway).length;
  const untouched = Object.keys(end.targets[gateway.target.identity]?.madeBy ?? {}).filter(
    (slot) => slotMade(end, gateway, slot) === slotMade(before, gateway, slot),
  );
  if (compromised && faults.refusals === 0 && untouched.length > 0)
    yield {
      promise: "every-slot",
      what: `${untouched.join(" and ")} of a compromised gateway was not replaced`,
    };
  const stored = versionsOf(world, gateway).length > versionsOf(before, gateway).length;
  const madeSince = keysMade(end, gateway) > keysMade(world, gateway);
  if (alone && !compromised && faults.count === faults.crashes && stored && madeSince)
    yield { promise: "stored-once", what: "a key was regenerated again after a crash, though it was stored" };
  const open = journalsOf(world, gateway).some(({ intent }) => intent !== null);
  if (alone && faults.count === 1 && faults.journalAnswers === 1 && open)
    yield { promise: "own-write", what: "a runner took its own write for another runner's" };
}

const keysMade = (world: World, { target }: Gateway): number => regenerations(world, target);

const slotMade = (world: World, { target }: Gateway, slot: string): number =>
  world.targets[target.identity]?.madeBy[slot]?.length ?? 0;

const dayMs = 86_400_000;

const aRunLater = (world: World, gateways: readonly Gateway[]): Promise<World> =>
  cleanly({ ...world, now: world.now + dayMs }, running("later", gateways));
