import type { Call } from "./call.ts";
import type { CallFailure, DecideDelivery } from "./delivery.ts";
import type { OperationResult } from "./serviceOperations.ts";
import type { World } from "./world.ts";

/** The one world that all runners' services share. */
export interface WorldHolder {
  world: World;
}

export interface PerformCallTerms {
  /** The id of the runner that calls. */
  readonly runner: string;
  /** Receives, as plain data, what a caller sees of its call, at the moment at which it sees it. */
  observe?(call: Call, seen: unknown): void;
}

/** What a call does to the world at the time of its effect, and its answer. */
export type Effect<Answer = unknown> = (world: World) => OperationResult<Answer>;

/** Makes one call. Applies its effect as far as its delivery allows, and returns what the caller sees. */
export type PerformCall = <Answer>(call: Call, effect: Effect<Answer>) => Promise<Answer | CallFailure>;

/** @param decide receives every call first, and decides when and how it is delivered */
export function createPerformCall(
  holder: WorldHolder,
  decide: DecideDelivery,
  { observe }: PerformCallTerms,
): PerformCall {
  return async (call, effect) => {
    const apply = () => {
      const { world, answer } = effect(holder.world);
      holder.world = world;
      return answer;
    };
    function shown<Seen>(seen: Seen): Seen {
      observe?.(call, seen);
      return seen;
    }

    const delivery = await decide(call, effect);
    switch (delivery.kind) {
      case "normal":
        return shown(apply());
      case "twice":
        apply();
        return shown(apply());
      case "refused":
        return shown({ kind: "refused", code: delivery.code });
      case "lostBefore":
        return shown({ kind: "unclear", code: "connection-lost" });
      case "lostAfter":
        apply();
        return shown({ kind: "unclear", code: "connection-lost" });
      case "late":
        delivery.release(() => void apply());
        return shown({ kind: "unclear", code: "timed-out" });
      case "dead":
        if (delivery.effect === "applied") apply();
        return new Promise(() => {});
      case "orphaned":
        delivery.release(() => void apply());
        return new Promise(() => {});
    }
  };
}
