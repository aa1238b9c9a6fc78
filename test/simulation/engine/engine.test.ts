import { describe, expect, test } from "vitest";
import type { Run } from "../../../src/domain/run.ts";
import type { Gateway } from "../../../src/domain/target.ts";
import { gateway, runtime } from "../../support/gateways.ts";
import { exploreAll } from "../explorers/exploreAll.ts";
import { regenerations, type World } from "../models/world.ts";
import type { Simulation } from "../scheduler/scheduler.ts";
import type { FateName } from "../scheduler/scheduleStep.ts";
import {
  cleanly,
  publishedKeyWorks,
  recover,
  running,
  simulating,
  versionsOf,
  worldOf,
} from "./engineRunners.ts";

const fates: readonly FateName[] = [
  { kind: "refused", code: "throttled" },
  { kind: "refused", code: "forbidden" },
  { kind: "lostBefore" },
  { kind: "lostAfter" },
  { kind: "late" },
  { kind: "diesBefore" },
  { kind: "diesAfter" },
];

/** Two keys are there so that what is published works at every moment. */
const alwaysWorks = (world: World, of: Gateway): string | undefined =>
  of.target.kind === "integrationRuntime" && publishedKeyWorks(world, of) === false
    ? "the published key is dead"
    : undefined;

interface Most {
  regenerates: number;
  versions: number;
}

/** What recovery makes of a moment after which nothing more happens by itself. */
async function verdict(world: World, before: World, of: Gateway, most: Most): Promise<string | undefined> {
  let violation: string | undefined;
  const after = await recover(world, {
    onWorld(moment) {
      violation ??= alwaysWorks(moment, of);
    },
  });
  if (after === undefined) return "it does not converge";
  most.regenerates = Math.max(
    most.regenerates,
    regenerations(after, of.target) - regenerations(before, of.target),
  );
  most.versions = Math.max(most.versions, versionsOf(after, of).length - versionsOf(before, of).length);
  const works = publishedKeyWorks(after, of) ?? publishedKeyWorks(before, of) === undefined;
  return violation ?? (works ? undefined : "the vault was left with a dead key");
}

const cases: readonly { target: string; of: Gateway; mode: Run["mode"]; rotated: number }[] = [
  ...[gateway(), runtime()].flatMap((of) =>
    (["standard", "compromised"] as const).flatMap((mode) =>
      [0, 1].map((rotated) => ({
        target: of.target.kind === "gatewayV1" ? "one-key" : "two-key",
        of,
        mode,
        rotated,
      })),
    ),
  ),
];

describe.each(cases)(
  "a $target target, mode $mode, rotated $rotated times before",
  ({ of, mode, rotated }) => {
    test("no fault → as many regenerates and versions as slots are to be replaced, and no more after recovery", async () => {
      const before = await worldOf([of], rotated);
      const most: Most = { regenerates: 0, versions: 0 };
      const after = await cleanly(before, running("run", [of], { mode }));
      expect(await verdict(after, before, of, most)).toBeUndefined();
      const slots = mode === "compromised" && of.target.kind === "integrationRuntime" ? 2 : 1;
      expect(most).toEqual({ regenerates: slots, versions: slots });
    });

    test("any fault at any call → converges, and the vault's key works", async () => {
      const before = await worldOf([of], rotated);
      const most: Most = { regenerates: 0, versions: 0 };
      const found = await exploreAll({
        ...simulating(before, running("run", [of], { mode })),
        fates,
        bounds: { refusal: 1, loss: 1, crash: 1, freeze: 1, total: 1 },
        oracle: async (simulation: Simulation, ended: boolean) =>
          alwaysWorks(simulation.world(), of) ??
          (ended ? verdict(simulation.world(), before, of, most) : undefined),
      });
      if (found.kind === "violated") throw new Error([found.violation, ...found.steps].join("\n"));
      console.log(found, most);
      expect(found.kind).toBe("holds");
    });
  },
);
