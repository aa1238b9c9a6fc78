import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { type Case, stagedCase, type Verdict } from "./cases.ts";
import type { Lab } from "./lab.ts";
import type { Moment } from "./moments.ts";
import { type Bounds, brokenPromises, type Progress, progressOf } from "./promises.ts";
import { quietMs, recover } from "./recovery.ts";
import { openStage, type Stage } from "./stage.ts";
import type { Subject } from "./subjects.ts";
import { resumeRotations } from "./triggers.ts";

/** The runs of an undisturbed case. */
const runs = 2;

/** Two runs, and the tick that checks them. @returns what failed */
async function play(stage: Stage, host: FunctionsHost): Promise<readonly string[]> {
  const { run } = stage.subject;
  const first = await run(host);
  // Of two runs in one second of storage's clock none is the earlier one.
  stage.putForward(2_000);
  const second = await run(host);
  stage.putForward(quietMs(stage.times));
  return [...first, ...second, ...(await resumeRotations(host))];
}

/** No fault: the keys that the runs ask for, and no more. @returns the requests in order, beside the verdict */
export async function undisturbed(lab: Lab, subject: Subject) {
  const stage = await openStage(lab, subject);
  try {
    const host = await stage.launch();
    const failed = await play(stage, host);
    // At its end the process stores its compile cache, which the processes of the other cases read.
    await host.stop();
    const { keysMade, versions } = await progressOf(stage);
    const asked = runs * subject.keysARun;
    const tooFew = versions < asked ? [`${versions} versions, where ${asked} were asked for`] : [];
    const broken = await brokenPromises(stage, { versions: asked, keysMade: asked });
    return { requests: [...stage.requests], violations: [...failed, ...tooFew, ...broken], keysMade };
  } finally {
    await stage.close();
  }
}

/** The process is killed at a request; another one recovers. */
export const kill = (subject: Subject, moment: Moment): Case =>
  stagedCase(`killed ${moment.when} ${moment.request}`, subject, (stage) => killAndRecover(stage, moment));

async function killAndRecover(stage: Stage, { request, when }: Moment): Promise<Verdict | undefined> {
  const first = await stage.launch();
  let struck = false;
  stage.strike({
    when,
    matches: (name) => name === request,
    act() {
      struck = true;
      process.kill(first.pid, "SIGKILL");
      // A request that was never sent takes no effect.
      return when === "before" ? new Promise<never>(() => {}) : undefined;
    },
  });
  await play(stage, first).catch(() => undefined);
  if (struck) await first.exited;
  // Telemetry goes out in the background, in more requests or fewer.
  else if (!request.startsWith("ingestion")) return undefined;

  const left = await progressOf(stage);
  const late = await recover(stage, await stage.launch());
  const { runs: begun, keysMade } = await progressOf(stage);
  const broken = await brokenPromises(stage, boundsAfterCrash(stage.subject, left, begun));
  return { violations: [...late, ...broken], keysMade };
}

/**
 * The keys that were still due at the crash. A second attempt begins a rotation again that was cut off. With one key, the
 * first attempt may have killed the second one's key, and no call can show that: so the verification asks for one more.
 */
function boundsAfterCrash({ keys, keysARun }: Subject, left: Progress, runs: number): Bounds {
  const due = runs * keysARun - left.versions;
  const inDoubt = due > 0 && left.open && keys === 1 ? 1 : 0;
  return { versions: left.versions + due + inDoubt, keysMade: left.keysMade + due + inDoubt };
}
