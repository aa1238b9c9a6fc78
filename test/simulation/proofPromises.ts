import { hash } from "node:crypto";
import type { Gateway } from "../../src/domain/target.ts";
import { cleanly, publishedKeyWorks, recover, running, versionsOf } from "./engine.ts";
import type { ExploreTerms } from "./explore.ts";
import type { Call } from "./fate.ts";
import { compromisedRunsOf, journalsOf, lastRotated } from "./kept.ts";
import { beforeSending, type Circumstances, inWorld, kept } from "./proofMoments.ts";
import { hashWorld, regenerations, type World } from "./world.ts";

export interface PromiseTerms extends Circumstances {
  readonly before: World;
  /** Those that are configured at the end, as they are then. */
  readonly configured: readonly Gateway[];
  /** How many keys of one gateway are made where nothing goes wrong. */
  readonly keys: { readonly least: number; readonly most: number };
  /** Whether one runner is alone: nobody but recovery goes on with what it left. */
  readonly alone: boolean;
}

/** Nobody but the runners has a hand in it. */
export const asConfigured = (gateways: readonly Gateway[]) => ({
  gateways,
  configured: gateways,
  hands: false,
  edited: false,
  clocksJump: false,
});

/** The most that any schedule made of one gateway. */
export interface Most {
  regenerates: number;
}

export interface Promises {
  readonly most: Most;
  /** What is wrong with a moment, or undefined. */
  inWorld(world: World): string | undefined;
  /** What is wrong with sending a call that was just made. */
  beforeSending(world: World, call: Call): string | undefined;
  /** What is wrong with what recovery makes of a moment after which nothing more happens by itself. */
  atEnd(world: World, faults: Faults): Promise<string | undefined>;
  /** All three for one schedule: a new oracle for each, since it remembers which calls it has seen. */
  makeOracle(): ExploreTerms["oracle"];
}

/** What is promised, held against every moment of a schedule, its end, and what recovery makes of that end. */
export function createPromises(terms: PromiseTerms): Promises {
  const most: Most = { regenerates: 0 };
  const known = new Map<string, Promise<string | undefined>>();

  function atEnd(world: World, faults: Faults): Promise<string | undefined> {
    const key = hash("sha1", `${JSON.stringify(faults)}\n${hashWorld(world)}`);
    const verdict = known.get(key) ?? afterRecovery(terms, world, faults, most);
    known.set(key, verdict);
    return verdict;
  }

  return {
    most,
    inWorld: (world) => inWorld(terms, world),
    beforeSending: (world, call) => beforeSending(terms, world, call),
    atEnd,
    makeOracle() {
      const sent = new Set<string>();
      return (simulation, ended) => {
        const world = simulation.world();
        const wrong = inWorld(terms, world);
        if (wrong !== undefined) return wrong;
        for (const { id, calls } of simulation.runners()) {
          for (const { number, call } of calls) {
            if (sent.has(`${id} ${number}`)) continue;
            sent.add(`${id} ${number}`);
            const violation = beforeSending(terms, world, call);
            if (violation !== undefined) return violation;
          }
        }
        return ended ? atEnd(world, faultsIn(simulation.log())) : undefined;
      };
    },
  };
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
    count: matching(/→ (refused .*|lost\w+|late|dies\w+)$|: (kill|freeze)$| ms( pass)?$/),
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
): Promise<string | undefined> {
  const { before, gateways, configured, hands, edited, clocksJump } = terms;
  let violation: string | undefined;
  const look = (moment: World) => {
    violation ??= inWorld(terms, moment);
  };
  const recovered = await recover(world, look);
  if (recovered === undefined) return "it does not converge";
  if (!hands && !gateways.every((gateway) => works(recovered, before, kept(recovered, gateway))))
    return "the vault was left with a dead key";
  if (gateways.some((gateway) => journalsOf(recovered, gateway).some(({ check }) => check !== null)))
    return "a check is owed that nobody will do";
  // By a clock that is wrong, an older run may take itself for the younger one.
  if (
    !hands &&
    !clocksJump &&
    !gateways.every((each) => works(recovered, before, lastRotated(recovered, each) ?? each))
  )
    return "an older run has killed the key that a younger one published";
  let end: World | undefined = recovered;
  if (hands || edited) {
    end = await recover(await aRunLater(recovered, configured), look);
    if (end === undefined) return "a run later it does not converge";
    const last = end;
    if (!configured.every((gateway) => works(last, before, gateway)))
      return "a run later the vault has a dead key";
    if (!hands && !gateways.every((gateway) => works(last, before, kept(last, gateway))))
      return "a run later a gateway that is not configured any more has a dead key";
  }
  for (const gateway of gateways) {
    const made = keysMade(end, gateway) - keysMade(before, gateway);
    most.regenerates = Math.max(most.regenerates, made);
    if (!hands && !edited) violation ??= inTheCount(terms, gateway, { world, end, made, faults });
  }
  return violation;
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

function inTheCount(
  { before, keys, alone }: PromiseTerms,
  gateway: Gateway,
  { world, end, made, faults }: Counted,
): string | undefined {
  const versions = versionsOf(end, gateway).length - versionsOf(before, gateway).length;
  if (faults.count === 0) {
    if (made < keys.least) return `without a fault ${made} keys were made, of ${keys.least}`;
    if (made > keys.most) return `without a fault ${made} keys were made`;
    if (versions !== made) return `without a fault ${made} keys gave ${versions} versions`;
  }
  const compromised = compromisedRunsOf(end, gateway).length > compromisedRunsOf(before, gateway).length;
  const untouched = Object.keys(end.targets[gateway.target.identity]?.keysMade ?? {}).filter(
    (slot) => slotMade(end, gateway, slot) === slotMade(before, gateway, slot),
  );
  if (compromised && faults.refusals === 0 && untouched.length > 0)
    return `${untouched.join(" and ")} of a compromised target was not replaced`;
  const stored = versionsOf(world, gateway).length > versionsOf(before, gateway).length;
  const madeSince = keysMade(end, gateway) > keysMade(world, gateway);
  if (alone && !compromised && faults.count === faults.crashes && stored && madeSince)
    return "a key was regenerated again after a crash, though it was stored";
  const open = journalsOf(world, gateway).some(({ intent }) => intent !== null);
  if (alone && faults.count === 1 && faults.journalAnswers === 1 && open)
    return "a runner took its own write for somebody else's";
  return undefined;
}

const keysMade = (world: World, { target }: Gateway): number => regenerations(world, target);

const slotMade = (world: World, { target }: Gateway, slot: string): number =>
  world.targets[target.identity]?.keysMade[slot] ?? 0;

const dayMs = 86_400_000;

const aRunLater = (world: World, gateways: readonly Gateway[]): Promise<World> =>
  cleanly({ ...world, now: world.now + dayMs }, running("later", gateways));
