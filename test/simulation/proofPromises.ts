import type { Run } from "../../src/domain/events.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type Journal, parseJournal } from "../../src/rotation/journal.ts";
import { callTimeoutMs, cleanly, publishedKeyWorks, recover, running, versionsOf } from "./engine.ts";
import type { ExploreTerms } from "./explore.ts";
import type { Call } from "./fate.ts";
import type { Simulation } from "./scheduler.ts";
import { hashWorld, regenerations, type World } from "./world.ts";

export interface PromiseTerms {
  readonly before: World;
  readonly gateways: readonly Gateway[];
  readonly mode: Run["mode"];
  /** How many rotations of one slot a schedule without a fault may make. */
  readonly rotations: { readonly least: number; readonly most: number };
  /** Whether one runner is alone: nobody but recovery goes on with what it left. */
  readonly alone: boolean;
  /** Whether people write to the vault meanwhile: then a run after it is what mends that. */
  readonly hands: boolean;
}

/** The most that any schedule made of one gateway. */
export interface Most {
  regenerates: number;
}

export interface Promises {
  /** A new oracle for each schedule. */
  makeOracle(): ExploreTerms["oracle"];
  readonly most: Most;
}

/** What is promised, held against every moment of a schedule, its end, and what recovery makes of that end. */
export function createPromises(terms: PromiseTerms): Promises {
  const most: Most = { regenerates: 0 };
  const known = new Map<string, Promise<string | undefined>>();

  function end(simulation: Simulation): Promise<string | undefined> {
    const faults = faultsOf(simulation.log());
    const key = `${JSON.stringify(faults)}\n${hashWorld(simulation.world())}`;
    const verdict = known.get(key) ?? atTheEnd(terms, simulation.world(), faults, most);
    known.set(key, verdict);
    return verdict;
  }

  return {
    most,
    makeOracle() {
      const sent = new Set<string>();
      return (simulation, ended) => {
        const world = simulation.world();
        const wrong = terms.gateways.flatMap((gateway) => inVault(terms, world, gateway) ?? [])[0];
        if (wrong !== undefined) return wrong;
        for (const { id, calls } of simulation.runners()) {
          for (const { number, call } of calls) {
            if (sent.has(`${id} ${number}`)) continue;
            sent.add(`${id} ${number}`);
            const violation = beforeSending(terms, world, call);
            if (violation !== undefined) return violation;
          }
        }
        return ended ? end(simulation) : undefined;
      };
    },
  };
}

/** Two keys are there so that what is published works at every moment. */
function inVault({ mode, hands }: PromiseTerms, world: World, gateway: Gateway): string | undefined {
  const must = gateway.target.kind === "integrationRuntime" && mode === "standard" && !hands;
  if (must && publishedKeyWorks(world, gateway) === false)
    return "the published key of a two-key target is dead";
  const journals = journalsOf(world, gateway);
  if (journals.length > 1) return "one target has two journals";
  const commit = journals[0]?.commit;
  const version = versionsOf(world, gateway).find(({ id }) => id === commit?.version);
  return version === undefined || version.tags["client-request-id"] === commit?.clientRequestId
    ? undefined
    : "the commit names another attempt than the one that made the version's key";
}

const clockResolutionMs = 1000;
const preflightMs = 5 * 60_000;

/** A side effect is journaled, claimed and, where it destroys a key, preceded by a write that the vault took. */
function beforeSending(terms: PromiseTerms, world: World, call: Call): string | undefined {
  if (call.operation !== "regenerate" && call.operation !== "write") return undefined;
  const gateway = terms.gateways.find(({ target, secret }) =>
    call.operation === "write"
      ? call.subject === secret.secretName
      : call.subject.startsWith(
          `${target.resourceId.slice(target.resourceId.lastIndexOf("/") + 1).toLowerCase()} `,
        ),
  );
  const isOurs = call.payload.includes("client-request-id") || call.operation === "regenerate";
  if (gateway === undefined || !isOurs) return undefined;
  const [journal] = journalsOf(world, gateway);
  const intent = journal?.intent ?? undefined;
  const what = call.operation === "write" ? "a key is stored" : "a key is regenerated";
  if (journal === undefined || intent === undefined) return `${what} without an intent`;
  const attempt = intent.attempts.at(-1)?.clientRequestId;
  if (attempt === undefined || !call.payload.includes(attempt))
    return `${what} for an attempt that is not the journal's last`;
  if (intent.claimedUntil < world.now + callTimeoutMs - clockResolutionMs)
    return `${what} on a claim that ends before the call may`;
  if (call.operation === "write") return undefined;
  const writes = Object.values(world.vaults[gateway.secret.vaultUrl] ?? {}).map(
    ({ versions }) => versions.at(-1)?.createdOn ?? 0,
  );
  const [first, second] = intent.attempts;
  const claimedAt = first?.at ?? 0;
  if (second === undefined && Math.max(...writes) * 1000 < claimedAt - preflightMs - clockResolutionMs)
    return "a key is regenerated though its vault has taken no write before";
  return isSatisfied(world, journal, terms.mode)
    ? "a key is regenerated that was replaced for this run"
    : undefined;
}

const forTheRun = new Set(["asked", "every-tick", "due", "compromised"]);

/** Whether the intent is for a run after whose creation there was a rotation already: two runs chase each other. */
function isSatisfied(world: World, { intent, commit, slots }: Journal, mode: Run["mode"]): boolean {
  if (intent === null || commit === null || !forTheRun.has(intent.reason)) return false;
  const record = world.blobs.blobs.find(({ name }) => name === `runs/${intent.runId}.json`);
  if (record === undefined) return false;
  const { createdAt } = JSON.parse(record.text) as { readonly createdAt: number };
  const slot = slots[mode === "compromised" ? intent.slot : commit.slot];
  return intent.attempts.length === 1 && slot !== undefined && slot.at > createdAt;
}

interface Faults {
  readonly count: number;
  readonly crashes: number;
  readonly refusals: number;
  /** Answers of storage to a journal's write that were lost after it had taken effect. */
  readonly journalAnswers: number;
}

function faultsOf(log: readonly string[]): Faults {
  const matching = (pattern: RegExp): number => log.filter((line) => pattern.test(line)).length;
  return {
    count: matching(/→ (refused .*|lost\w+|late|dies\w+)$|: (kill|freeze)$/),
    crashes: matching(/→ dies\w+$|: kill$/),
    refusals: matching(/→ refused /),
    journalAnswers: matching(/: writeBlob gateways\/.* → lostAfter$/),
  };
}

async function atTheEnd(
  terms: PromiseTerms,
  world: World,
  faults: Faults,
  most: Most,
): Promise<string | undefined> {
  const { before, gateways, mode, rotations, alone, hands } = terms;
  let violation: string | undefined;
  const look = (moment: World) => {
    violation ??= gateways.flatMap((gateway) => inVault(terms, moment, gateway) ?? [])[0];
  };
  const recovered = await recover(world, look);
  const next =
    hands && recovered !== undefined ? await recover(await aRunLater(recovered, gateways), look) : recovered;
  if (next === undefined) return "it does not converge";
  if (violation !== undefined) return violation;

  for (const gateway of gateways) {
    const made = (at: World) => regenerations(at, gateway.target) - regenerations(before, gateway.target);
    const versions = versionsOf(next, gateway).length - versionsOf(before, gateway).length;
    most.regenerates = Math.max(most.regenerates, made(next));
    const works = publishedKeyWorks(next, gateway) ?? publishedKeyWorks(before, gateway) === undefined;
    if (!works) return "the vault was left with a dead key";
    if (hands) continue;
    const slots = mode === "compromised" && gateway.target.kind === "integrationRuntime" ? 2 : 1;
    if (faults.count === 0) {
      const { least, most: mostRotations } = rotations;
      if (made(next) < least * slots)
        return `without a fault ${made(next)} keys were made, of ${least * slots}`;
      if (made(next) > mostRotations * slots) return `without a fault ${made(next)} keys were made`;
      if (versions !== made(next)) return `without a fault ${made(next)} keys gave ${versions} versions`;
    }
    const untouched = Object.keys(next.targets[gateway.target.identity]?.keysMade ?? {}).filter(
      (slot) => slotMade(next, gateway, slot) === slotMade(before, gateway, slot),
    );
    const begun = next.blobs.blobs.some(({ name }) => name.startsWith("runs/") && !isIn(before, name));
    if (mode === "compromised" && begun && faults.refusals === 0 && untouched.length > 0)
      return `${untouched.join(" and ")} of a compromised target was not replaced`;
    const stored = versionsOf(world, gateway).length > versionsOf(before, gateway).length;
    if (alone && mode === "standard" && faults.count === faults.crashes && stored && made(next) > made(world))
      return "a key was regenerated again after a crash, though it was stored";
    const open = journalsOf(world, gateway).some(({ intent }) => intent !== null);
    if (alone && faults.count === 1 && faults.journalAnswers === 1 && open)
      return "a runner took its own write for somebody else's";
  }
  return undefined;
}

const isIn = (world: World, name: string): boolean => world.blobs.blobs.some((blob) => blob.name === name);

const slotMade = (world: World, { target }: Gateway, slot: string): number =>
  world.targets[target.identity]?.keysMade[slot] ?? 0;

const dayMs = 86_400_000;

const aRunLater = (world: World, gateways: readonly Gateway[]): Promise<World> =>
  cleanly({ ...world, now: world.now + dayMs }, running("later", gateways));

function journalsOf(world: World, { target }: Gateway): readonly Journal[] {
  return world.blobs.blobs.flatMap(({ name, text }) => {
    if (!name.startsWith("gateways/")) return [];
    const parsed = parseJournal(text, target.identity);
    return parsed.kind === "journal" ? [parsed.journal] : [];
  });
}
