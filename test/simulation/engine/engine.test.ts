import { describe, expect, test } from "vitest";
import type { Gateway, Run } from "../../../src/domain/target.ts";
import { gateway, runtime } from "../../support/gateways.ts";
import { exploreAll } from "../explorers/exploreAll.ts";
import { regenerations, type World } from "../models/world.ts";
import type { Simulation } from "../scheduler/scheduler.ts";
import {
  engineSimulation,
  publishedKeyWorks,
  recover,
  rotatedWorld,
  rotationRunner,
  runWithoutFaults,
  versionsOf,
} from "./engineRunners.ts";
import { callFaults } from "./randomSettings.ts";

/** Without a request that is served twice: the bounds below name no fault of that kind. */
const faults = callFaults.filter(({ kind }) => kind !== "twice");

/** A gateway has two keys so that the published one works at every moment. */
const deadKey = (world: World, of: Gateway): string | undefined =>
  of.target.kind === "integrationRuntime" && publishedKeyWorks(world, of) === false
    ? "the published key is dead"
    : undefined;

/** The largest numbers of any schedule. */
interface LargestNumbers {
  regenerates: number;
  versions: number;
}

/** Runs recovery from the world at the end of a schedule. @returns what is wrong */
async function wrongAfterRecovery(
  world: World,
  before: World,
  of: Gateway,
  largest: LargestNumbers,
): Promise<string | undefined> {
  let violation: string | undefined;
  const after = await recover(world, {
    onWorld(reached) {
      violation ??= deadKey(reached, of);
    },
  });
  if (after === undefined) return "a run stays open";
  largest.regenerates = Math.max(
    largest.regenerates,
    regenerations(after, of.target) - regenerations(before, of.target),
  );
  largest.versions = Math.max(largest.versions, versionsOf(after, of).length - versionsOf(before, of).length);
  const works = publishedKeyWorks(after, of) ?? publishedKeyWorks(before, of) === undefined;
  return violation ?? (works ? undefined : "the vault was left with a dead key");
}

const cases: readonly { keys: string; of: Gateway; mode: Run["mode"]; rotated: number }[] = [
  ...[gateway(), runtime()].flatMap((of) =>
    (["standard", "compromised"] as const).flatMap((mode) =>
      [0, 1].map((rotated) => ({
        keys: of.target.kind === "gatewayV1" ? "one-key" : "two-key",
        of,
        mode,
        rotated,
      })),
    ),
  ),
];

describe.each(cases)(
  "a $keys gateway, mode $mode, rotated $rotated times before",
  ({ of, mode, rotated }) => {
    test("no fault → one regenerate and one version for each slot to replace, none more after recovery", async () => {
      const before = await rotatedWorld([of], rotated);
      const largest: LargestNumbers = { regenerates: 0, versions: 0 };
      const after = await runWithoutFaults(before, rotationRunner("run", [of], { mode }));
      expect(await wrongAfterRecovery(after, before, of, largest)).toBeUndefined();
      const slots = mode === "compromised" && of.target.kind === "integrationRuntime" ? 2 : 1;
      expect(largest).toEqual({ regenerates: slots, versions: slots });
    });

    test("any one fault at any call → recovery ends, and the vault's key works", async () => {
      const before = await rotatedWorld([of], rotated);
      const largest: LargestNumbers = { regenerates: 0, versions: 0 };
      const found = await exploreAll({
        ...engineSimulation(before, rotationRunner("run", [of], { mode })),
        callFaults: faults,
        bounds: { refusal: 1, loss: 1, crash: 1, freeze: 1, total: 1 },
        oracle: async (simulation: Simulation, ended: boolean) =>
          deadKey(simulation.world(), of) ??
          (ended ? wrongAfterRecovery(simulation.world(), before, of, largest) : undefined),
      });
      if (found.kind === "violated") throw new Error([found.violation, ...found.steps].join("\n"));
      console.log(found, largest);
      expect(found.kind).toBe("holds");
    });
  },
);
