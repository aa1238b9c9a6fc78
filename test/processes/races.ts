import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { mulberry32 } from "../simulation/random.ts";
import { type Case, stagedCase, type Verdict } from "./cases.ts";
import { brokenPromises, progressOf } from "./promises.ts";
import { quietMs, recover } from "./recovery.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subjects.ts";
import { resumeRotations } from "./triggers.ts";

/** Two processes that are triggered at the same moment, and what happened before. */
export interface Race {
  readonly name: string;
  /** Beside a run. */
  readonly second: "another run" | "a tick";
  /** Keys that were made in vain before. */
  readonly inVain: 0 | 1;
  /** What happens before the race, some of it in `host`. */
  prepare(stage: Stage, host: FunctionsHost): Promise<void>;
}

export const races = [
  {
    name: "two runs at once",
    second: "another run",
    inVain: 0,
    async prepare() {},
  },
  {
    name: "a run and a tick that has to check",
    second: "a tick",
    inVain: 0,
    async prepare(stage, host) {
      await stage.subject.run(host);
      stage.putForward(quietMs(stage.times));
    },
  },
  {
    name: "a run and a tick that has to take over",
    second: "a tick",
    inVain: 1,
    async prepare(stage) {
      const crashing = await stage.launch();
      stage.strike({
        when: "after",
        matches: (name) => name.startsWith("resourceManager POST regenerate"),
        act: () => void process.kill(crashing.pid, "SIGKILL"),
      });
      await stage.subject.run(crashing).catch(() => undefined);
      stage.putForward(quietMs(stage.times));
    },
  },
] as const satisfies readonly Race[];

export interface Round {
  /** 32 bits. */
  readonly seed: number;
  /** Whether one of the two is killed, at a request that the seed decides. */
  readonly killing: boolean;
}

/** The two processes send about this many requests together; at one of them the victim is killed. */
const mostRequests = 40;

export const race = (subject: Subject, { name, ...terms }: Race, round: Round): Case =>
  stagedCase(`${name}, ${round.killing ? "one of them killed, " : ""}seed ${round.seed}`, subject, (stage) =>
    runRace(stage, terms, round),
  );

async function runRace(stage: Stage, terms: Omit<Race, "name">, { seed, killing }: Round): Promise<Verdict> {
  const [first, second] = await Promise.all([stage.launch(), stage.launch()]);
  await terms.prepare(stage, first);
  const random = mulberry32(seed);
  let before = 1 + Math.floor(random() * mostRequests);
  const [victim, survivor] = random() < 0.5 ? [first, second] : [second, first];
  if (killing) {
    stage.strike({
      when: random() < 0.5 ? "before" : "after",
      matches: () => --before === 0,
      act: () => void process.kill(victim.pid, "SIGKILL"),
    });
  }
  const beside = terms.second === "a tick" ? resumeRotations : stage.subject.run;
  await Promise.allSettled([stage.subject.run(first), beside(second)]);

  const late = await recover(stage, survivor);
  const { runs, keysMade } = await progressOf(stage);
  // A killed process may have made a key in vain; with one key, the verification then asks for another.
  const killed = stage.subject.keys === 1 ? 2 : 1;
  const most = runs * stage.subject.keysARun + terms.inVain + (killing ? killed : 0);
  const broken = await brokenPromises(stage, { versions: most, keysMade: most });
  return { violations: [...late, ...broken], keysMade };
}
