import { setTimeout as sleep } from "node:timers/promises";
import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { type Case, stagedCase, type Verdict } from "./cases.ts";
import type { Times } from "./lab.ts";
import type { Moment } from "./moments.ts";
import { type Bounds, brokenPromises, progressOf } from "./promises.ts";
import { recover } from "./recovery.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subjects.ts";
import { resumeRotations } from "./triggers.ts";

/** What runs while the process stands still: ticks of resume alone, or a run before them. */
export type Taker = "ticks" | "another run";

/** A process stalls at most as long as an invocation may take, and this invocation began a few calls ago. */
const longestStallMs = ({ callTimeoutSeconds, functionTimeoutSeconds }: Times) =>
  (functionTimeoutSeconds - 3 * callTimeoutSeconds) * 1000;

/** A process runs once, stands still at a request while another process takes over, and continues. */
export const stop = (subject: Subject, moment: Moment, taker: Taker): Case =>
  stagedCase(`stopped ${moment.when} ${moment.request}, meanwhile ${taker}`, subject, (stage) =>
    stopAndTakeOver(stage, moment, taker),
  );

async function stopAndTakeOver(
  stage: Stage,
  { request, when }: Moment,
  taker: Taker,
): Promise<Verdict | undefined> {
  const [first, second] = await Promise.all([stage.launch(), stage.launch()]);
  const stopped = Promise.withResolvers<"stopped">();
  const thawed = Promise.withResolvers<void>();
  stage.strike({
    when,
    matches: (name) => name === request,
    act() {
      process.kill(first.pid, "SIGSTOP");
      stopped.resolve("stopped");
      // As if the process stood still just before it sends: its request takes effect when it continues.
      return when === "before" ? thawed.promise : undefined;
    },
  });
  const invocation = stage.subject.run(first).catch(() => "ended by its time-out");
  if ((await Promise.race([stopped.promise, invocation])) !== "stopped") return undefined;

  const until = performance.now() + longestStallMs(stage.times);
  if (taker === "another run") await stage.subject.run(second);
  while (!hasRotated(second) && performance.now() < until) {
    await sleep(1_000);
    await resumeRotations(second);
  }
  thawed.resolve();
  process.kill(first.pid, "SIGCONT");
  await invocation;

  const late = await recover(stage, second);
  const { runs, keysMade } = await progressOf(stage);
  const broken = await brokenPromises(stage, boundsAfterStall(stage.subject, runs));
  return { violations: [...late, ...broken], keysMade };
}

const hasRotated = ({ logs }: FunctionsHost) =>
  logs.some(({ message }) => message.includes('"event":"GatewayKeyRotated"'));

/**
 * The keys that the runs ask for, and one in vain: the process that stood still makes a key, and the one that takes over
 * makes another. A subject that does not wait may store the late key over its successor's; with one key, the late
 * regenerate may kill its successor's, and no call can show that: each of these asks for one more.
 */
function boundsAfterStall({ keys, keysARun, patient }: Subject, runs: number): Bounds {
  const most = runs * keysARun + 1 + (patient ? 0 : 1) + (keys === 1 ? 1 : 0);
  return { versions: most, keysMade: most };
}
