import type { ScheduleStep } from "../scheduler/scheduleStep.ts";
import { killedAt, type TimeLimits } from "../scheduler/timeLimits.ts";
import type { RunnerPosition } from "./runnerTable.ts";
import type { CachedWorld } from "./worldCache.ts";

/** At most one of each in one schedule. `loss`: the request or the answer of a call is lost, or the call is late. */
export type InterleavingFault = "crash" | "freeze" | "loss";

export type CallingPosition = Extract<RunnerPosition, { kind: "calling" }>;
type WaitingPosition = Extract<RunnerPosition, { kind: "calling" | "sleeping" }>;

/** `since`: when its call was sent, or would be sent if the runner were not frozen; milliseconds since 1970. */
export interface ActiveRunner {
  readonly kind: "live" | "frozen";
  readonly position: WaitingPosition;
  readonly since: number;
}

/** `ended`: finished or dead. The other runners cannot tell these two apart. */
export type RunnerStatus = ActiveRunner | { readonly kind: "ended" };

export const ended: RunnerStatus = { kind: "ended" };

/** A call whose caller has timed out or died, and which has not taken effect yet. */
export interface LateCall {
  readonly runner: number;
  readonly position: CallingPosition;
  readonly since: number;
}

/** The world, and how far each runner has come in it. */
export interface ExplorationState {
  readonly world: CachedWorld;
  /** One for each runner, in the order of the definitions. */
  readonly statuses: readonly RunnerStatus[];
  readonly late: readonly LateCall[];
  readonly used: FaultSet;
  /** The schedule that led here first; undefined: the start. */
  readonly path: Path | undefined;
}

/** The steps of a schedule, from the last to the first. It keeps no state, so that millions of paths fit into memory. */
export interface Path {
  readonly before: Path | undefined;
  readonly steps: readonly ScheduleStep[];
}

/** A set of faults, as bits. */
export type FaultSet = number;

const bits = { crash: 1, freeze: 2, loss: 4 } as const satisfies Record<InterleavingFault, FaultSet>;
export const allFaults = ["crash", "freeze", "loss"] as const satisfies readonly InterleavingFault[];

export const hasFault = (used: FaultSet, fault: InterleavingFault): boolean => (used & bits[fault]) !== 0;
export const withFault = (used: FaultSet, fault: InterleavingFault): FaultSet => used | bits[fault];
export const faultsOf = (used: FaultSet): readonly InterleavingFault[] =>
  allFaults.filter((fault) => hasFault(used, fault));

/** Sets of faults, as bits: one bit for each possible set. */
export type FaultSets = number;

/** Whether `visited` contains `used` or one of its subsets, which leaves at least the same faults. */
export function isCovered(visited: FaultSets, used: FaultSet): boolean {
  for (let fewer = used; ; fewer = (fewer - 1) & used) {
    if (visited & (1 << fewer)) return true;
    if (fewer === 0) return false;
  }
}

export const withFaultSet = (visited: FaultSets, used: FaultSet): FaultSets => visited | (1 << used);

/** A string that two states share only if everything that can follow is the same, apart from the faults that are left. */
export function stateKey({ world, statuses, late }: ExplorationState): string {
  const { now } = world.world;
  const each = statuses.map((status) => {
    if (status.kind === "ended") return "-";
    const { kind, position, since } = status;
    return kind === "live" && position.kind === "calling"
      ? `${kind[0]}${position.id}.${now - since}`
      : `${kind[0]}${position.id}`;
  });
  const lateCalls = late.map(({ runner, position, since }) => `${runner}:${position.id}.${now - since}`);
  return `${world.id} ${each.join(" ")} ${lateCalls.sort().join(" ")}`;
}

const killTimeOf = ({ position }: ActiveRunner, limits: TimeLimits): number =>
  killedAt(position.begunAt, limits);

/** How far the clock can advance before this runner's call, timer or thaw, in milliseconds since 1970. */
function clockLimitOf(status: RunnerStatus, limits: TimeLimits): number {
  switch (status.kind) {
    case "ended":
      return Number.POSITIVE_INFINITY;
    case "frozen":
      return killTimeOf(status, limits);
    case "live": {
      const { position, since } = status;
      return position.kind === "calling" ? since + limits.callTimeoutMs : position.due;
    }
  }
}

/** How far the clock can advance before another runner or a late call must act, in milliseconds since 1970. */
function othersClockLimit(state: ExplorationState, runner: number, limits: TimeLimits): number {
  const others = othersOf(state, runner).map((other) => clockLimitOf(other, limits));
  const lateCalls = state.late.map(({ since }) => since + limits.callTimeoutMs);
  return Math.min(...others, ...lateCalls);
}

const othersOf = ({ statuses }: ExplorationState, runner: number): readonly RunnerStatus[] =>
  statuses.filter((_, i) => i !== runner);

/** Whether the clock can advance to this runner's timer before another runner must act. */
export function canWake(
  state: ExplorationState,
  runner: number,
  status: ActiveRunner,
  limits: TimeLimits,
): boolean {
  const { position } = status;
  if (position.kind !== "sleeping") return false;
  return position.due <= Math.max(state.world.world.now, othersClockLimit(state, runner, limits));
}

/** Whether another runner sleeps beyond the time to which this runner lets the clock advance. */
export function blocksClock(state: ExplorationState, runner: number, limits: TimeLimits): boolean {
  const limit = clockLimitOf(state.statuses[runner] ?? ended, limits);
  return othersOf(state, runner).some(
    (other) => other.kind === "live" && other.position.kind === "sleeping" && other.position.due > limit,
  );
}

/** When a frozen runner continues: at the last permitted moment; undefined: another runner must act before it. */
export function thawTime(
  state: ExplorationState,
  runner: number,
  status: ActiveRunner,
  limits: TimeLimits,
): number | undefined {
  const at = killTimeOf(status, limits);
  const others = othersOf(state, runner).some(
    (other) =>
      other.kind === "live" && other.position.kind === "sleeping" && clockLimitOf(other, limits) <= at,
  );
  const { now } = state.world.world;
  return !others && at > now && at <= othersClockLimit(state, runner, limits) ? at : undefined;
}

/** The runners and late calls after the clock has advanced to `now`: the platform has killed overdue processes. */
export function afterClockAdvance(
  { statuses, late }: Pick<ExplorationState, "statuses" | "late">,
  now: number,
  limits: TimeLimits,
): Pick<ExplorationState, "statuses" | "late"> {
  const isOverdue = (status: RunnerStatus): status is ActiveRunner =>
    status.kind === "live" && killTimeOf(status, limits) < now;
  if (!statuses.some(isOverdue)) return { statuses, late };
  const orphaned = statuses.flatMap((status, runner): readonly LateCall[] => {
    if (!isOverdue(status)) return [];
    const { position, since } = status;
    return position.kind === "calling" ? [{ runner, position, since }] : [];
  });
  return {
    statuses: statuses.map((status) => (isOverdue(status) ? ended : status)),
    late: [...late, ...orphaned],
  };
}

/** Whether every other runner has ended and no late call is left. */
export const isLast = (state: ExplorationState, runner: number): boolean =>
  state.late.length === 0 && othersOf(state, runner).every(({ kind }) => kind === "ended");

/** The schedule that led to a state first. */
export function scheduleTo({ path }: ExplorationState): readonly ScheduleStep[] {
  const steps: (readonly ScheduleStep[])[] = [];
  for (let last = path; last !== undefined; last = last.before) steps.push(last.steps);
  return steps.toReversed().flat();
}
