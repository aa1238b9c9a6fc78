import type { Choice } from "../scheduler/scheduleStep.ts";
import { killedAt, type TimeLimits } from "../scheduler/timeLimits.ts";
import type { Place } from "./runnerTable.ts";
import type { KnownWorld } from "./worldCache.ts";

/** At most one of each in one schedule. `loss`: a call that is lost before or after its effect, or lands late. */
export type OneFault = "crash" | "freeze" | "loss";

export type Calling = Extract<Place, { kind: "calling" }>;
type Waiting = Extract<Place, { kind: "calling" | "sleeping" }>;

/** `since`: its call was sent, or would be if it were not frozen; milliseconds since 1970. */
export interface Present {
  readonly kind: "live" | "frozen";
  readonly place: Waiting;
  readonly since: number;
}

/** `gone`: finished or dead, which makes no difference to anybody. */
export type Standing = Present | { readonly kind: "gone" };

export const gone: Standing = { kind: "gone" };

/** The effect of a call whose caller has given up. */
export interface Landing {
  readonly runner: number;
  readonly place: Calling;
  readonly since: number;
}

/** The world, and where everybody stands in it. */
export interface Moment {
  readonly world: KnownWorld;
  /** By the position of their runners. */
  readonly standings: readonly Standing[];
  readonly late: readonly Landing[];
  readonly spent: Spent;
  /** The schedule that led here first. */
  readonly from: { readonly moment: Moment; readonly choices: readonly Choice[] } | undefined;
}

/** Faults as a set of bits. */
export type Spent = number;

const bits = { crash: 1, freeze: 2, loss: 4 } as const satisfies Record<OneFault, Spent>;
export const allFaults = ["crash", "freeze", "loss"] as const satisfies readonly OneFault[];

export const isSpent = (spent: Spent, fault: OneFault): boolean => (spent & bits[fault]) !== 0;
export const spend = (spent: Spent, fault: OneFault): Spent => spent | bits[fault];
export const faultsOf = (spent: Spent): readonly OneFault[] =>
  allFaults.filter((fault) => isSpent(spent, fault));

/** The sets of faults with which something was met. */
export type MetWith = number;

/** Whether one of them leaves all the faults that `spent` leaves, or more. */
export function isCovered(met: MetWith, spent: Spent): boolean {
  for (let fewer = spent; ; fewer = (fewer - 1) & spent) {
    if (met & (1 << fewer)) return true;
    if (fewer === 0) return false;
  }
}

export const metAlsoWith = (met: MetWith, spent: Spent): MetWith => met | (1 << spent);

/** A string that two moments share only if, but for the faults they have left, all that can follow is the same. */
export function keyOf({ world, standings, late }: Moment): string {
  const { now } = world.world;
  const each = standings.map((standing) => {
    if (standing.kind === "gone") return "-";
    const { kind, place, since } = standing;
    return kind === "live" && place.kind === "calling"
      ? `${kind[0]}${place.id}.${now - since}`
      : `${kind[0]}${place.id}`;
  });
  const landings = late.map(({ runner, place, since }) => `${runner}:${place.id}.${now - since}`);
  return `${world.id} ${each.join(" ")} ${landings.sort().join(" ")}`;
}

const endOf = ({ place }: Present, limits: TimeLimits): number => killedAt(place.begunAt, limits);

/** How far the clock can go without this runner's call, its timer or its thaw, in milliseconds since 1970. */
function limitOf(standing: Standing, limits: TimeLimits): number {
  switch (standing.kind) {
    case "gone":
      return Number.POSITIVE_INFINITY;
    case "frozen":
      return endOf(standing, limits);
    case "live": {
      const { place, since } = standing;
      return place.kind === "calling" ? since + limits.callTimeoutMs : place.due;
    }
  }
}

/** How far the clock can go without this runner: until others, and what is under way, must have acted. */
function othersLimit(moment: Moment, runner: number, limits: TimeLimits): number {
  const others = othersOf(moment, runner).map((other) => limitOf(other, limits));
  const landings = moment.late.map(({ since }) => since + limits.callTimeoutMs);
  return Math.min(...others, ...landings);
}

const othersOf = ({ standings }: Moment, runner: number): readonly Standing[] =>
  standings.filter((_, i) => i !== runner);

/** Whether the clock can go to this runner's timer before another one must have acted. */
export function mayWake(moment: Moment, runner: number, standing: Present, limits: TimeLimits): boolean {
  const { place } = standing;
  if (place.kind !== "sleeping") return false;
  return place.due <= Math.max(moment.world.world.now, othersLimit(moment, runner, limits));
}

/** Whether another runner sleeps for longer than this one lets the clock go. */
export function holdsBack(moment: Moment, runner: number, limits: TimeLimits): boolean {
  const limit = limitOf(moment.standings[runner] ?? gone, limits);
  return othersOf(moment, runner).some(
    (other) => other.kind === "live" && other.place.kind === "sleeping" && other.place.due > limit,
  );
}

/** When a frozen runner continues: as late as it may; undefined: others must act before. */
export function thawsAt(
  moment: Moment,
  runner: number,
  standing: Present,
  limits: TimeLimits,
): number | undefined {
  const at = endOf(standing, limits);
  const others = othersOf(moment, runner).some(
    (other) => other.kind === "live" && other.place.kind === "sleeping" && limitOf(other, limits) <= at,
  );
  const { now } = moment.world.world;
  return !others && at > now && at <= othersLimit(moment, runner, limits) ? at : undefined;
}

/** The same moment, when the clock has gone to `world`: the platform has killed whose time is over. */
export function standingsAt(
  { standings, late }: Pick<Moment, "standings" | "late">,
  now: number,
  limits: TimeLimits,
): Pick<Moment, "standings" | "late"> {
  const isOver = (standing: Standing): standing is Present =>
    standing.kind === "live" && endOf(standing, limits) < now;
  if (!standings.some(isOver)) return { standings, late };
  const orphaned = standings.flatMap((standing, runner): readonly Landing[] => {
    if (!isOver(standing)) return [];
    const { place, since } = standing;
    return place.kind === "calling" ? [{ runner, place, since }] : [];
  });
  return {
    standings: standings.map((standing) => (isOver(standing) ? gone : standing)),
    late: [...late, ...orphaned],
  };
}

export const isLast = (moment: Moment, runner: number): boolean =>
  moment.late.length === 0 && othersOf(moment, runner).every(({ kind }) => kind === "gone");

export function scheduleTo(moment: Moment): readonly Choice[] {
  const choices: (readonly Choice[])[] = [];
  for (let { from } = moment; from !== undefined; { from } = from.moment) choices.push(from.choices);
  return choices.toReversed().flat();
}
