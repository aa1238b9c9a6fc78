import type { Call, Gate, Unanswered } from "./fate.ts";
import type { Done } from "./operations.ts";
import type { World } from "./world.ts";

/** The one world that several runners' services act on. */
export interface WorldHolder {
  world: World;
}

export interface PerformTerms {
  /** Who calls. */
  readonly runner: string;
  /** Told what a caller is about to see, plain data, when and only when it sees it. */
  observe?(call: Call, seen: unknown): void;
}

/** What a call does to the world that it meets, and its answer. */
export type Effect<Answer = unknown> = (world: World) => Done<Answer>;

/** Makes one call: its effect on the world, as far as its fate lets it have one, and what its caller sees. */
export type Perform = <Answer>(call: Call, effect: Effect<Answer>) => Promise<Answer | Unanswered>;

/** Every call is first handed to `gate`, which says when it goes on and what becomes of it. */
export function createPerform(holder: WorldHolder, gate: Gate, { observe }: PerformTerms): Perform {
  return async (call, effect) => {
    const apply = () => {
      const done = effect(holder.world);
      holder.world = done.world;
      return done.answer;
    };
    function shown<Seen>(seen: Seen): Seen {
      observe?.(call, seen);
      return seen;
    }

    const fate = await gate(call, effect);
    switch (fate.kind) {
      case "normal":
        return shown(apply());
      case "twice":
        apply();
        return shown(apply());
      case "refused":
        return shown({ kind: "refused", code: fate.code });
      case "lostBefore":
        return shown({ kind: "unclear", code: "connection-lost" });
      case "lostAfter":
        apply();
        return shown({ kind: "unclear", code: "connection-lost" });
      case "late":
        fate.release(() => void apply());
        return shown({ kind: "unclear", code: "timed-out" });
      case "dead":
        if (fate.effect === "applied") apply();
        return new Promise(() => {});
      case "orphaned":
        fate.release(() => void apply());
        return new Promise(() => {});
    }
  };
}
