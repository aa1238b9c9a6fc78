import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import type { Call, Fate } from "../models/delivery.ts";
import type { WorldHolder } from "../models/performCall.ts";
import { hashWorld, type World } from "../models/world.ts";
import {
  type PendingCall,
  type Runner,
  type RunnerDefinition,
  type RunnerState,
  startRunner,
} from "./runner.ts";
import { type Choice, describeChoice, type FateName } from "./scheduleStep.ts";
import { type ClockLimit, clockLimits, killedAt, type LateEffect, type TimeLimits } from "./timeLimits.ts";

export interface SimulationTerms extends TimeLimits {
  readonly world: World;
  /** Called for each simulation: what runners close over is theirs alone. */
  makeRunners(): readonly RunnerDefinition[];
}

export interface RunnerView {
  readonly id: string;
  readonly state: RunnerState;
  /** All that it has emitted, oldest first. */
  readonly events: readonly RotationEvent[];
  readonly calls: readonly { readonly number: number; readonly call: Call }[];
}

/**
 * Several runners, of which each step lets one proceed by one call or timer. Between steps all of them wait for
 * the scheduler, so that a schedule decides everything that happens.
 */
export interface Simulation {
  world(): World;
  runners(): readonly RunnerView[];
  /** What can happen next without any fault. Empty: all is over. */
  possible(): readonly Choice[];
  /** How far the clock can go before something must have happened, in milliseconds since 1970. */
  latestTime(): number;
  /** Where the clock stops if it goes as far as it can; undefined: a timer fires before, or nothing stops it. */
  elapsesTo(): ClockLimit | undefined;
  /** @throws where the choice is not possible now, and where a runner waits for what the scheduler does not own */
  step(choice: Choice): Promise<void>;
  /** Every step so far, in words. */
  log(): readonly string[];
  /** A string that two moments share only if all that can follow is the same. */
  hash(): string;
}

export async function startSimulation(terms: SimulationTerms): Promise<Simulation> {
  const holder: WorldHolder = { world: terms.world };
  const runners = terms.makeRunners().map((definition) => startRunner(holder, definition));
  const late = new Map<string, LateEffect>();
  const log: string[] = [];

  const isIn = (kind: RunnerState["kind"]) => (runner: Runner) => runner.state.kind === kind;
  const lateKey = (runner: string, number: number): string => `${runner} ${number}`;

  const limits = (): readonly ClockLimit[] => clockLimits(runners, [...late.values()], terms);
  const latestTime = (): number => Math.max(holder.world.now, Math.min(...limits().map(({ at }) => at)));

  function elapsesTo(): ClockLimit | undefined {
    const [first] = limits().toSorted((a, b) => a.at - b.at || order.indexOf(a.of) - order.indexOf(b.of));
    return first === undefined || first.of === "timer" || first.at <= holder.world.now ? undefined : first;
  }

  /** Until when somebody sleeps, and for longer than that. */
  const isAwaited = ({ at }: ClockLimit): boolean =>
    runners.filter(isIn("live")).some((runner) => {
      const due = runner.earliestTimer()?.due ?? 0;
      return due > at && due <= killedAt(runner.begunAt, terms);
    });

  function possible(): readonly Choice[] {
    const latest = latestTime();
    const live = runners.filter(isIn("live"));
    const elapses = elapsesTo();
    return [
      ...live.flatMap(({ id, calls }) =>
        [...calls.keys()].map(
          (call): Choice => ({ kind: "call", runner: id, call, fate: { kind: "normal" } }),
        ),
      ),
      ...[...late.values()].map(({ runner, number }): Choice => ({ kind: "land", runner, call: number })),
      ...runners.filter(isIn("frozen")).map(({ id }): Choice => ({ kind: "thaw", runner: id })),
      ...(elapses?.of === "frozen" && isAwaited(elapses) ? [{ kind: "elapse" } as const] : []),
      ...live
        .filter(
          (runner) =>
            (runner.earliestTimer()?.due ?? Number.POSITIVE_INFINITY) <=
            Math.min(latest, killedAt(runner.begunAt, terms)),
        )
        .map(({ id }): Choice => ({ kind: "timer", runner: id })),
    ];
  }

  function runnerIn(kind: RunnerState["kind"], id: string, choice: Choice): Runner {
    const runner = runners.find((candidate) => candidate.id === id);
    return runner?.state.kind === kind ? runner : impossible(choice);
  }

  function setClock(to: number, choice: Choice): void {
    if (to > latestTime()) impossible(choice);
    const now = Math.max(holder.world.now, to);
    holder.world = { ...holder.world, now };
    for (const runner of runners.filter(isIn("live"))) {
      if (now <= killedAt(runner.begunAt, terms)) continue;
      // The platform kills it; what it has sent is under way.
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

  /** Carries a choice out. @returns the call that it is about */
  function act(choice: Choice): Call | undefined {
    switch (choice.kind) {
      case "call": {
        const runner = runnerIn("live", choice.runner, choice);
        const pending = runner.calls.get(choice.call) ?? impossible(choice);
        runner.calls.delete(choice.call);
        proceed(runner, choice.call, pending, choice.fate);
        return pending.call;
      }
      case "land": {
        const key = lateKey(choice.runner, choice.call);
        const landing = late.get(key) ?? impossible(choice);
        late.delete(key);
        landing.apply();
        return landing.call;
      }
      case "timer": {
        const runner = runnerIn("live", choice.runner, choice);
        const timer = runner.earliestTimer() ?? impossible(choice);
        setClock(timer.due, choice);
        runner.timers.delete(timer);
        timer.fire();
        return undefined;
      }
      case "elapse":
        setClock(elapsesTo()?.at ?? impossible(choice), choice);
        return undefined;
      case "wait":
        setClock(holder.world.now + choice.ms, choice);
        return undefined;
      case "jump":
        runnerIn("live", choice.runner, choice).clockOffsetMs += choice.ms;
        return undefined;
      case "kill":
        die(runners.find((one) => one.id === choice.runner && canDie(one)) ?? impossible(choice));
        return undefined;
      case "freeze":
        runnerIn("live", choice.runner, choice).state = { kind: "frozen", since: holder.world.now };
        return undefined;
      case "thaw": {
        const runner = runnerIn("frozen", choice.runner, choice);
        runner.state = { kind: "live" };
        // It was stopped before it sent them.
        for (const pending of runner.calls.values()) pending.since = holder.world.now;
        return undefined;
      }
    }
  }

  function proceed(runner: Runner, number: number, pending: PendingCall, name: FateName): void {
    const fate = fateNamed(name, releaseLate(runner, number, pending));
    if (fate.kind === "dead") die(runner);
    pending.proceed(fate);
  }

  /** Runners await nothing but promises, and a tick comes when no more of these has anything to do. */
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
    elapsesTo,
    async step(choice) {
      log.push(describeChoice(choice, act(choice)));
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

/** Of several that stop the clock at one moment a timer comes first: it fires without anything else. */
const order: readonly ClockLimit["of"][] = ["timer", "frozen", "call", "late"];

const canDie = ({ state }: Runner): boolean => state.kind === "live" || state.kind === "frozen";

function fateNamed(name: FateName, release: (effect: () => void) => void): Fate {
  switch (name.kind) {
    case "late":
      return { kind: "late", release };
    case "diesBefore":
      return { kind: "dead", effect: "none" };
    case "diesAfter":
      return { kind: "dead", effect: "applied" };
    default:
      return name;
  }
}

function impossible(choice: Choice): never {
  throw new Error(`Not possible now: ${JSON.stringify(choice)}`);
}
