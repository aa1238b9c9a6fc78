import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Call } from "../models/call.ts";
import type { Delivery } from "../models/delivery.ts";
import type { WorldHolder } from "../models/performCall.ts";
import { hashWorld, type World } from "../models/world.ts";
import {
  type PendingCall,
  type Runner,
  type RunnerDefinition,
  type RunnerState,
  startRunner,
} from "./runner.ts";
import { describeStep, type PlannedDelivery, type ScheduleStep } from "./scheduleStep.ts";
import { type ClockLimit, clockLimits, killedAt, type LateEffect, type TimeLimits } from "./timeLimits.ts";

export interface SimulationTerms extends TimeLimits {
  readonly world: World;
  /** They hold no state: each simulation starts them anew. */
  readonly runners: readonly RunnerDefinition[];
}

export interface RunnerView {
  readonly id: string;
  readonly state: RunnerState;
  /** All events that it emitted, oldest first. */
  readonly events: readonly RotationEvent[];
  readonly calls: readonly { readonly number: number; readonly call: Call }[];
}

/**
 * Several runners in virtual time. Each step lets one runner proceed by one call or timer. Between steps all runners
 * wait for the scheduler, so a schedule decides everything that happens.
 */
export interface Simulation {
  world(): World;
  runners(): readonly RunnerView[];
  /** The steps that are possible next without any fault. Empty: the simulation has ended. */
  possible(): readonly ScheduleStep[];
  /** How far the clock can advance before something must happen, in milliseconds since 1970. */
  latestTime(): number;
  /** The limit at which the clock stops; undefined: a timer fires first, or there is no limit. */
  nextClockLimit(): ClockLimit | undefined;
  /** @throws if the step is not possible now, and where a runner awaits something that the scheduler does not own */
  step(step: ScheduleStep): Promise<void>;
  /** All steps so far, in words. */
  log(): readonly string[];
  /** A string that two states share only if everything that can follow is the same. */
  hash(): string;
}

/** Starts the runners. @throws if a runner awaits something that the scheduler does not own */
export async function startSimulation(terms: SimulationTerms): Promise<Simulation> {
  const holder: WorldHolder = { world: terms.world };
  const runners = terms.runners.map((definition) => startRunner(holder, definition));
  const late = new Map<string, LateEffect>();
  const log: string[] = [];

  const isIn = (kind: RunnerState["kind"]) => (runner: Runner) => runner.state.kind === kind;
  const lateKey = (runner: string, number: number): string => `${runner} ${number}`;

  const limits = (): readonly ClockLimit[] => clockLimits(runners, [...late.values()], terms);
  const latestTime = (): number => Math.max(holder.world.now, Math.min(...limits().map(({ at }) => at)));

  function nextClockLimit(): ClockLimit | undefined {
    const [first] = limits().toSorted((a, b) => a.at - b.at || order.indexOf(a.of) - order.indexOf(b.of));
    return first === undefined || first.of === "timer" || first.at <= holder.world.now ? undefined : first;
  }

  /** Whether a live runner sleeps beyond this limit. */
  const isSleptThrough = ({ at }: ClockLimit): boolean =>
    runners.filter(isIn("live")).some((runner) => {
      const due = runner.earliestTimer()?.due ?? 0;
      return due > at && due <= killedAt(runner.begunAt, terms);
    });

  function possible(): readonly ScheduleStep[] {
    const latest = latestTime();
    const live = runners.filter(isIn("live"));
    const limit = nextClockLimit();
    return [
      ...live.flatMap(({ id, calls }) =>
        [...calls.keys()].map(
          (call): ScheduleStep => ({ kind: "call", runner: id, call, delivery: { kind: "normal" } }),
        ),
      ),
      ...[...late.values()].map(
        ({ runner, number }): ScheduleStep => ({ kind: "land", runner, call: number }),
      ),
      ...runners.filter(isIn("frozen")).map(({ id }): ScheduleStep => ({ kind: "thaw", runner: id })),
      ...(limit?.of === "frozen" && isSleptThrough(limit) ? [{ kind: "elapse" } as const] : []),
      ...live
        .filter(
          (runner) =>
            (runner.earliestTimer()?.due ?? Number.POSITIVE_INFINITY) <=
            Math.min(latest, killedAt(runner.begunAt, terms)),
        )
        .map(({ id }): ScheduleStep => ({ kind: "timer", runner: id })),
    ];
  }

  function runnerIn(kind: RunnerState["kind"], id: string, step: ScheduleStep): Runner {
    const runner = runners.find((candidate) => candidate.id === id);
    return runner?.state.kind === kind ? runner : impossible(step);
  }

  function setClock(to: number, step: ScheduleStep): void {
    if (to > latestTime()) impossible(step);
    const now = Math.max(holder.world.now, to);
    holder.world = { ...holder.world, now };
    for (const runner of runners.filter(isIn("live"))) {
      if (now <= killedAt(runner.begunAt, terms)) continue;
      // The platform kills the process. The calls that it has sent may still take effect.
      for (const [number, pending] of runner.calls)
        pending.proceed({ kind: "orphaned", release: releaseLate(runner, number, pending) });
      die(runner);
    }
  }

  const releaseLate =
    ({ id }: Runner, number: number, { call, since }: PendingCall) =>
    (apply: () => void): void =>
      void late.set(lateKey(id, number), { runner: id, number, call, since, apply });

  function die(runner: Runner): void {
    runner.state = { kind: "dead" };
    runner.calls.clear();
    runner.timers.clear();
  }

  /** Executes a step. @returns the call that the step is about */
  function act(step: ScheduleStep): Call | undefined {
    switch (step.kind) {
      case "call": {
        const runner = runnerIn("live", step.runner, step);
        const pending = runner.calls.get(step.call) ?? impossible(step);
        runner.calls.delete(step.call);
        proceed(runner, step.call, pending, step.delivery);
        return pending.call;
      }
      case "land": {
        const key = lateKey(step.runner, step.call);
        const lateCall = late.get(key) ?? impossible(step);
        late.delete(key);
        lateCall.apply();
        return lateCall.call;
      }
      case "timer": {
        const runner = runnerIn("live", step.runner, step);
        const timer = runner.earliestTimer() ?? impossible(step);
        setClock(timer.due, step);
        runner.timers.delete(timer);
        timer.fire();
        return undefined;
      }
      case "elapse":
        setClock(nextClockLimit()?.at ?? impossible(step), step);
        return undefined;
      case "wait":
        setClock(holder.world.now + step.ms, step);
        return undefined;
      case "jump":
        runnerIn("live", step.runner, step).clockOffsetMs += step.ms;
        return undefined;
      case "kill":
        die(runners.find((one) => one.id === step.runner && canDie(one)) ?? impossible(step));
        return undefined;
      case "freeze":
        runnerIn("live", step.runner, step).state = { kind: "frozen", since: holder.world.now };
        return undefined;
      case "thaw": {
        const runner = runnerIn("frozen", step.runner, step);
        runner.state = { kind: "live" };
        // A frozen runner sends its calls when it thaws.
        for (const pending of runner.calls.values()) pending.since = holder.world.now;
        return undefined;
      }
    }
  }

  function proceed(runner: Runner, number: number, pending: PendingCall, planned: PlannedDelivery): void {
    const delivery = deliveryOf(planned, releaseLate(runner, number, pending));
    if (delivery.kind === "dead") die(runner);
    pending.proceed(delivery);
  }

  /** Runners await promises only, so `nextTick` runs when every runner waits for the scheduler. */
  async function settle(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const stuck = runners.find((one) => isIn("live")(one) && one.calls.size === 0 && one.timers.size === 0);
    if (stuck !== undefined) throw new Error(`${stuck.id} awaits something that the scheduler does not own`);
  }

  await settle();
  return {
    world: () => holder.world,
    runners: () =>
      runners.map(({ id, state, calls, events }) => ({
        id,
        state,
        events,
        calls: [...calls].map(([number, { call }]) => ({ number, call })),
      })),
    possible,
    latestTime,
    nextClockLimit,
    async step(step) {
      log.push(describeStep(step, act(step)));
      await settle();
    },
    log: () => log,
    hash: () =>
      [
        hashWorld(holder.world),
        ...runners.map((runner) => runner.hash()),
        ...[...late.values()].map((effect) => JSON.stringify(effect)).sort(),
      ].join("\n"),
  };
}

/** The order of limits at the same time. A timer comes first, since it fires without another step. */
const order: readonly ClockLimit["of"][] = ["timer", "frozen", "call", "late"];

const canDie = ({ state }: Runner): boolean => state.kind === "live" || state.kind === "frozen";

function deliveryOf(planned: PlannedDelivery, release: (effect: () => void) => void): Delivery {
  switch (planned.kind) {
    case "late":
      return { kind: "late", release };
    case "diesBefore":
      return { kind: "dead", effect: "none" };
    case "diesAfter":
      return { kind: "dead", effect: "applied" };
    default:
      return planned;
  }
}

function impossible(step: ScheduleStep): never {
  throw new Error(`Not possible now: ${JSON.stringify(step)}`);
}
