import { setImmediate as macrotask } from "node:timers/promises";
import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import { type Call, hasEffect } from "../models/delivery.ts";
import type { World } from "../models/world.ts";
import type { SimulationTerms } from "../scheduler/scheduler.ts";
import type { Choice } from "../scheduler/scheduleStep.ts";
import { killedAt, type TimeLimits } from "../scheduler/timeLimits.ts";
import {
  type Calling,
  faultsOf,
  gone,
  holdsBack,
  isCovered,
  isLast,
  isSpent,
  keyOf,
  type Landing,
  type MetWith,
  type Moment,
  mayWake,
  metAlsoWith,
  type OneFault,
  type Present,
  type Spent,
  type Standing,
  scheduleTo,
  spend,
  standingsAt,
  thawsAt,
} from "./explorationState.ts";
import { processorMs } from "./processorTime.ts";
import { createTable, type Place, type Sight } from "./runnerTable.ts";
import { createWorlds, type KnownWorld } from "./worldCache.ts";

export interface InterleavingTerms extends SimulationTerms {
  readonly faults: readonly OneFault[];
  /** How many faults one schedule may hold altogether. */
  readonly mostFaults: number;
  /** When to stop, in milliseconds of processor time. */
  readonly until: number;
  /** How many different moments to look at, at most. */
  readonly mostStates: number;
  readonly watch: Watch;
}

/** What is wrong, or undefined. */
export interface Watch {
  inWorld(world: World): string | undefined;
  beforeSending(world: World, call: Call): string | undefined;
  onEvents(
    world: World,
    fresh: readonly RotationEvent[],
    earlier: readonly RotationEvent[],
  ): string | undefined;
  atEnd(world: World, faults: readonly OneFault[]): string | undefined | Promise<string | undefined>;
}

export interface InterleavingCounts {
  /** Different moments. */
  readonly states: number;
  /** Ways that lead from one of them to the next. */
  readonly paths: number;
  /** Different worlds after which nothing more can happen. */
  readonly ends: number;
  /** All schedules with up to so many faults were tried; -1: not even those without any. */
  readonly complete: number;
}

export type Interleavings = InterleavingCounts &
  (
    | { readonly kind: "holds" | "cut" }
    /** The schedule replays exactly, by the scheduler. */
    | { readonly kind: "violated"; readonly violation: string; readonly schedule: readonly Choice[] }
  );

/** What changes besides the runner itself. */
type Change = Pick<Moment, "world" | "late" | "spent"> & { readonly choice: Choice };

/**
 * Every order of the calls of several runners, with at most one fault of each kind anywhere in it. It reaches the
 * same ends as `exploreAll` with the same faults, and each moment is looked at once. What makes that possible:
 *
 * - Nothing is run twice. What a runner does next depends on what it has seen alone, and what a call does on the
 *   world alone, so both are tables that the real code fills (table.ts, worlds.ts), and a moment is a few numbers.
 * - Moments are merged where all that can follow is the same; one that was met with fewer faults covers the others,
 *   since whatever follows them can follow it.
 * - A freeze matters only where it lets the clock go on beyond what its runner's call or timer allows. So a runner
 *   is frozen when somebody waits for that, and thawed when it acts, or when it was frozen for as long as may be and
 *   somebody waits for more: whoever is frozen sooner must thaw sooner, and whoever thaws sooner must act sooner.
 * - A crash likewise comes when it lets the clock go on, or when nobody else is left: until then its runner might as
 *   well only not have acted yet. A call whose answer nobody sees is a call, and then a crash; and whoever dies
 *   while it is frozen might as well have died instead.
 *
 * Schedules with the fewest faults come first, and of these the shortest.
 */
export async function exploreInterleavings(terms: InterleavingTerms): Promise<Interleavings> {
  const { watch } = terms;
  const worlds = createWorlds();
  const definitions = terms.makeRunners();
  const tables = await Promise.all(definitions.map((each) => createTable(each, terms.world)));
  const met = new Map<string, MetWith>();
  const queues = Array.from({ length: terms.mostFaults + 1 }, (): Moment[] => []);
  const judged = new Map<string, string | undefined>();
  const ends = new Set<number>();
  let states = 0;
  let paths = 0;
  let violated: { readonly violation: string; readonly schedule: readonly Choice[] } | undefined;

  const idOf = (runner: number): string => definitions[runner]?.id ?? "";

  function report(moment: Moment, violation: string | undefined): void {
    if (violation !== undefined) violated ??= { violation, schedule: scheduleTo(moment) };
  }

  /** A verdict that depends on what `key` names alone. */
  function judge(key: string, verdict: () => string | undefined): string | undefined {
    if (!judged.has(key)) judged.set(key, verdict());
    return judged.get(key);
  }

  function meet(moment: Moment): void {
    paths += 1;
    const key = keyOf(moment);
    const before = met.get(key) ?? 0;
    if (isCovered(before, moment.spent)) return;
    met.set(key, metAlsoWith(before, moment.spent));
    states += 1;
    const { world, spent } = moment;
    const violation = judge(`${world.id}`, () => watch.inWorld(world.world));
    report(moment, violation);
    queues[faultsOf(spent).length]?.push(moment);
  }

  /** A runner sees what became of its call or timer, and goes on to its next one. */
  async function goOn(
    moment: Moment,
    runner: number,
    { kind, place: at }: Present,
    sight: Sight,
    { choice, ...change }: Change,
  ): Promise<void> {
    const known = tables[runner]?.next(at, sight);
    const place = known instanceof Promise ? await known : known;
    if (place === undefined) return;
    const { world } = change;
    const thaw: readonly Choice[] = kind === "frozen" ? [{ kind: "thaw", runner: idOf(runner) }] : [];
    const standings = moment.standings.with(runner, standingAt(place, world, terms));
    const next: Moment = { ...change, standings, from: { moment, choices: [...thaw, choice] } };
    if (place.kind === "threw") report(next, `no-exception: ${idOf(runner)} threw ${String(place.error)}`);
    const { fresh, earlier } = place.events;
    if (fresh.length > 0)
      report(
        next,
        judge(`${world.id} ${runner} ${place.id} events`, () => watch.onEvents(world.world, fresh, earlier)),
      );
    if (place.kind === "calling") {
      const key = `${world.id} ${runner} ${place.id}`;
      const violation = judge(key, () => watch.beforeSending(world.world, place.call));
      report(next, violation);
    }
    meet(next);
  }

  const mayStill = (fault: OneFault, { spent }: Moment): boolean =>
    terms.faults.includes(fault) && !isSpent(spent, fault) && faultsOf(spent).length < terms.mostFaults;

  async function call(moment: Moment, runner: number, standing: Present, place: Calling): Promise<void> {
    const { world, late } = moment;
    const { answer, after } = worlds.act(world, place.call, place.effect);
    const becomes = (
      fate: "normal" | "lostBefore" | "lostAfter" | "late",
      sight: Pick<Sight, "kind" | "answer">,
      change: Partial<Moment>,
    ): Promise<void> => {
      const choice: Choice = { kind: "call", runner: idOf(runner), call: place.number, fate: { kind: fate } };
      const { spent } = moment;
      return goOn(
        moment,
        runner,
        standing,
        { ...sight, world: world.world },
        { world, late, spent, ...change, choice },
      );
    };
    await becomes("normal", { kind: "answered", answer }, { world: after });
    if (!mayStill("loss", moment)) return;
    const spent = spend(moment.spent, "loss");
    const lost = { kind: "lost", answer: "" } as const;
    await becomes("lostBefore", lost, { spent });
    if (!hasEffect(place.call)) return;
    await becomes("lostAfter", lost, { spent, world: after });
    // Whoever was frozen has sent it only now.
    const since = standing.kind === "frozen" ? world.world.now : standing.since;
    const timedOut = { kind: "timedOut", answer: "" } as const;
    await becomes("late", timedOut, { spent, late: [...late, { runner, place, since }] });
  }

  function land(moment: Moment, landing: Landing): void {
    const { place, runner } = landing;
    meet({
      ...moment,
      world: worlds.act(moment.world, place.call, place.effect).after,
      late: moment.late.filter((each) => each !== landing),
      from: { moment, choices: [{ kind: "land", runner: idOf(runner), call: place.number }] },
    });
  }

  async function wake(moment: Moment, runner: number, standing: Present, due: number): Promise<void> {
    const { world, spent } = moment;
    if (!mayWake(moment, runner, standing, terms)) return;
    const then = worlds.at(world, Math.max(world.world.now, due));
    const { standings, late } = standingsAt(moment, then.world.now, terms);
    const woken: Sight = { kind: "woken", world: then.world, answer: "" };
    const choice: Choice = { kind: "timer", runner: idOf(runner) };
    await goOn({ ...moment, standings }, runner, standing, woken, { world: then, late, spent, choice });
  }

  /** A frozen runner continues at the last moment at which it may, where another one waits for longer. */
  function thaw(moment: Moment, runner: number, standing: Present): void {
    const at = thawsAt(moment, runner, standing, terms);
    if (at === undefined) return;
    const { standings, late } = standingsAt(moment, at, terms);
    const choices: readonly Choice[] = [{ kind: "elapse" }, { kind: "thaw", runner: idOf(runner) }];
    meet({
      ...moment,
      world: worlds.at(moment.world, at),
      standings: standings.with(runner, { ...standing, kind: "live", since: at }),
      late,
      from: { moment, choices },
    });
  }

  /** What becomes of a runner that holds the clock back, or that is the last one there. */
  function release(moment: Moment, runner: number, standing: Present): void {
    const mayGoOn = holdsBack(moment, runner, terms);
    const become = (kind: "kill" | "freeze", as: Standing, spent: Spent): void =>
      meet({
        ...moment,
        standings: moment.standings.with(runner, as),
        spent,
        from: { moment, choices: [{ kind, runner: idOf(runner) }] },
      });
    if (standing.kind === "frozen") {
      if (mayGoOn) thaw(moment, runner, standing);
      return;
    }
    if ((mayGoOn || isLast(moment, runner)) && mayStill("crash", moment))
      become("kill", gone, spend(moment.spent, "crash"));
    if (mayGoOn && mayStill("freeze", moment))
      become("freeze", { ...standing, kind: "frozen" }, spend(moment.spent, "freeze"));
  }

  async function follow(moment: Moment): Promise<void> {
    const { world, standings, late, spent } = moment;
    for (const [runner, standing] of standings.entries()) {
      if (standing.kind === "gone") continue;
      const { place } = standing;
      if (place.kind === "calling") await call(moment, runner, standing, place);
      else await wake(moment, runner, standing, place.due);
      release(moment, runner, standing);
    }
    for (const landing of late) land(moment, landing);
    if (late.length > 0 || standings.some(({ kind }) => kind !== "gone")) return;
    ends.add(world.id);
    report(moment, await watch.atEnd(world.world, faultsOf(spent)));
  }

  const start = worlds.known(terms.world);
  const standings = tables.map((table) => standingAt(table.start, start, terms));
  meet({ world: start, standings, late: [], spent: 0, from: undefined });
  let looks = 0;
  let complete = -1;
  for (const queue of queues) {
    for (const moment of queue) {
      if (violated !== undefined) break;
      if (++looks % 256 === 0) {
        await macrotask();
        if (processorMs() > terms.until || states > terms.mostStates)
          return { kind: "cut", states, paths, ends: ends.size, complete };
      }
      await follow(moment);
    }
    if (violated !== undefined)
      return { kind: "violated", ...violated, states, paths, ends: ends.size, complete };
    complete += 1;
  }
  return { kind: "holds", states, paths, ends: ends.size, complete };
}

function standingAt(place: Place, { world }: KnownWorld, limits: TimeLimits): Standing {
  switch (place.kind) {
    case "finished":
    case "threw":
      return gone;
    case "sleeping":
      // The platform kills it in its sleep.
      if (place.due > killedAt(place.begunAt, limits)) return gone;
      break;
    case "calling":
      break;
  }
  return { kind: "live", place, since: world.now };
}
