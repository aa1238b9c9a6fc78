import { hash } from "node:crypto";
import type { Gateway } from "../../../src/domain/target.ts";
import type { ExploreTerms } from "../explorers/exploreAll.ts";
import type { InterleavingChecks } from "../explorers/exploreInterleavings.ts";
import { hashWorld, type World } from "../models/world.ts";
import { afterRecovery, type FaultCounts, type LargestCounts, type PromiseTerms } from "./endPromises.ts";
import { describeViolation, firstOf, type PromiseId, type Violation } from "./promiseList.ts";
import { changedDocuments } from "./runPromises.ts";
import { beforeSending, inWorld, onEvents } from "./stepPromises.ts";

/** The circumstances in which nothing but the runners acts on the services. */
export const asConfigured = (gateways: readonly Gateway[]) => ({
  gateways,
  configured: gateways,
  outsideWrites: false,
  journalsDeleted: false,
  edited: false,
  clocksJump: false,
});

/** The promises as checks. Each check returns the first violation in words, or undefined. */
export interface Promises extends Omit<InterleavingChecks, "atEnd"> {
  readonly largest: LargestCounts;
  /** Runs recovery from the world at the end of a schedule, and checks the result. */
  atEnd(world: World, faults: FaultCounts): Promise<string | undefined>;
  /** All checks for one schedule. An oracle remembers what it saw, so each schedule needs a new one. */
  makeOracle(): ExploreTerms["oracle"];
}

/**
 * Checks every state of a schedule, its end, and the result of recovery from that end.
 *
 * @param only the only promise to check; undefined: all
 */
export function createPromises(terms: PromiseTerms, only?: PromiseId): Promises {
  const largest: LargestCounts = { regenerates: 0, addedPerFault: 0 };
  const known = new Map<string, Promise<string | undefined>>();
  const firstIn = (violations: Iterable<Violation>): string | undefined => {
    const found = firstOf(violations, only);
    return found === undefined ? undefined : describeViolation(found);
  };

  function atEnd(world: World, faults: FaultCounts): Promise<string | undefined> {
    const key = hash("sha1", `${JSON.stringify(faults)}\n${hashWorld(world)}`);
    const checked = known.get(key) ?? afterRecovery(terms, world, faults, largest).then(firstIn);
    known.set(key, checked);
    return checked;
  }

  return {
    largest,
    inWorld: (world) => firstIn(inWorld(terms, world)),
    beforeSending: (world, call) => firstIn(beforeSending(terms, world, call)),
    onEvents: (world, fresh, earlier) => firstIn(onEvents(terms, world, fresh, earlier)),
    atEnd,
    makeOracle() {
      const sent = new Set<string>();
      const reported = new Map<string, number>();
      const documents = new Map<string, string>();
      return (simulation, ended) => {
        const world = simulation.world();
        const wrong = firstIn(inWorld(terms, world)) ?? firstIn(changedDocuments(world, documents));
        if (wrong !== undefined) return wrong;
        for (const { id, calls, events } of simulation.runners()) {
          const before = reported.get(id) ?? 0;
          reported.set(id, events.length);
          const untrue = firstIn(onEvents(terms, world, events.slice(before), events.slice(0, before)));
          if (untrue !== undefined) return untrue;
          for (const { number, call } of calls) {
            if (sent.has(`${id} ${number}`)) continue;
            sent.add(`${id} ${number}`);
            const violation = firstIn(beforeSending(terms, world, call));
            if (violation !== undefined) return violation;
          }
        }
        return ended ? atEnd(world, faultsIn(simulation.log())) : undefined;
      };
    },
  };
}

/** @param log steps as `describeStep` words them */
function faultsIn(log: readonly string[]): FaultCounts {
  const matching = (pattern: RegExp): number => log.filter((line) => pattern.test(line)).length;
  return {
    count: matching(/→ (refused .*|lost\w+|twice|late|dies\w+)$|: (kill|freeze)$| ms( pass)?$/),
    crashes: matching(/→ dies\w+$|: kill$/),
    refusals: matching(/→ refused /),
    journalAnswers: matching(/: writeBlob gateways\/.* → lostAfter$/),
  };
}
