import { expect, test } from "vitest";
import { exploreDepartures } from "../explorers/exploreDepartures.ts";
import { createPromises } from "../promises/createPromises.ts";
import type { CallFault } from "../scheduler/scheduleStep.ts";
import { configurations } from "./configurations.ts";

const ofOneRun = configurations.filter(({ name }) => / one (standard|compromised) run, /.test(name));
const byRole: CallFault = { kind: "refused", code: "forbidden" };

test("the configurations of one run → a one-key and a two-key gateway, each in both modes", () => {
  expect(ofOneRun).toHaveLength(8);
});

test.each(ofOneRun)(
  "$name, no fault, then any one fault at any call → every promise holds",
  async ({ make, callFaults, bounds }) => {
    const { simulation, promises } = await make();
    const { largest, makeOracle } = createPromises(promises);
    const found = await exploreDepartures({
      ...simulation,
      departures: 1,
      until: Number.POSITIVE_INFINITY,
      mostStates: Number.POSITIVE_INFINITY,
      callFaults: [...callFaults, byRole],
      bounds,
      makeOracle,
    });
    if (found.kind === "violated") throw new Error([found.violation, ...found.steps].join("\n"));
    expect(found).toMatchObject({ kind: "holds", complete: 1 });
    expect(largest.regenerates).toBeGreaterThan(promises.keys.least);
  },
);
