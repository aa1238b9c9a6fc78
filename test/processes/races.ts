import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { mulberry32 } from "../support/mulberry32.ts";
import type { CaseEnvironment } from "./caseEnvironment.ts";
import { killHost } from "./kills.ts";
import { type CaseResult, type ProcessCase, processCase } from "./processCase.ts";
import { quietPeriodMs, recoverAndCheck } from "./recovery.ts";
import type { TestedGateway } from "./testedGateways.ts";
import { resumeRotations } from "./triggerFunctions.ts";

/** Two processes that are triggered at the same time, and what happened before. */
export interface Race {
  readonly name: string;
  /** What the second process does while the first one runs. */
  readonly second: "another run" | "a tick";
  /** How many keys of the preparation are never stored. */
  readonly unstoredKeys: 0 | 1;
  /** Brings about what happened before, partly through `host`. */
  prepare(environment: CaseEnvironment, host: FunctionsHost): Promise<void>;
}

export const races = [
  {
    name: "two runs at once",
    second: "another run",
    unstoredKeys: 0,
    async prepare() {},
  },
  {
    name: "a run and a tick that verifies",
    second: "a tick",
    unstoredKeys: 0,
    async prepare(environment, host) {
      await environment.tested.run(host);
      environment.advanceStorageClock(quietPeriodMs(environment.timeOuts));
    },
  },
  {
    name: "a run and a tick that takes over",
    second: "a tick",
    unstoredKeys: 1,
    async prepare(environment) {
      const crashing = await environment.launch();
      environment.intercept({
        when: "after",
        matches: (name) => name.startsWith("resourceManager POST regenerate"),
        act: () => killHost(environment, crashing),
      });
      await environment.tested.run(crashing).catch(() => undefined);
      environment.advanceStorageClock(quietPeriodMs(environment.timeOuts));
    },
  },
] as const satisfies readonly Race[];

export interface Round {
  /** 32 bits. */
  readonly seed: number;
  /** Whether one of the two is killed, at a request that the seed selects. */
  readonly killing: boolean;
}

/** The kill comes at one of the first so many requests of both processes. */
const mostRequests = 40;

export const race = (tested: TestedGateway, { name, ...terms }: Race, round: Round): ProcessCase =>
  processCase(
    `${name}, ${round.killing ? "one of them killed, " : ""}seed ${round.seed}`,
    tested,
    (environment) => runRace(environment, terms, round),
  );

async function runRace(
  environment: CaseEnvironment,
  terms: Omit<Race, "name">,
  { seed, killing }: Round,
): Promise<CaseResult> {
  const [first, second] = await Promise.all([environment.launch(), environment.launch()]);
  await terms.prepare(environment, first);
  const random = mulberry32(seed);
  let before = 1 + Math.floor(random() * mostRequests);
  const [victim, survivor] = random() < 0.5 ? [first, second] : [second, first];
  if (killing) {
    environment.intercept({
      when: random() < 0.5 ? "before" : "after",
      matches: () => --before === 0,
      act: () => killHost(environment, victim),
    });
  }
  const beside = terms.second === "a tick" ? resumeRotations : environment.tested.run;
  await Promise.allSettled([environment.tested.run(first), beside(second)]);

  // A killed process may have made a key that is not stored. For a one-key gateway, the verification adds another key.
  const killed = environment.tested.keys === 1 ? 2 : 1;
  // Within one second of storage's clock, no rotation counts as later than the other run. So of two compromised runs, each can
  // replace the slot that the other needs next, and then replaces both slots once more.
  const inOneSecond = terms.second === "a tick" || environment.tested.keysARun === 1 ? 0 : 2;
  const { keysARun } = environment.tested;
  return recoverAndCheck(environment, survivor, (runs) => {
    const most = runs * keysARun + terms.unstoredKeys + (killing ? killed : 0) + inOneSecond;
    return { versions: most, keysMade: most };
  });
}
