import { setTimeout as sleep } from "node:timers/promises";
import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { isRegenerate } from "../support/requests.ts";
import { brokenPromises, type KeyBounds, progressOf, type RotationProgress } from "./brokenPromises.ts";
import { type CaseEnvironment, openCaseEnvironment } from "./caseEnvironment.ts";
import { clientRequestIdOf } from "./keyHistory.ts";
import { type CaseResult, type ProcessCase, processCase } from "./processCase.ts";
import { quietPeriodMs, recoverAndCheck } from "./recovery.ts";
import type { InterruptionPoint } from "./requestName.ts";
import type { SharedEnvironment } from "./sharedEnvironment.ts";
import type { TestedGateway } from "./testedGateways.ts";
import { resumeRotations } from "./triggerFunctions.ts";

/** The runs of a case without faults. */
const runsOfCase = 2;

/** Two runs, and the tick that verifies them. @returns the failures, and how many requests the first run made */
async function rotateTwice(environment: CaseEnvironment, host: FunctionsHost) {
  const { run } = environment.tested;
  const first = await run(host);
  const ofFirstRun = environment.requests.length;
  // Two runs within one second of storage's clock would have no order.
  environment.advanceStorageClock(2_000);
  const second = await run(host);
  environment.advanceStorageClock(quietPeriodMs(environment.timeOuts));
  return { failed: [...first, ...second, ...(await resumeRotations(host))], ofFirstRun };
}

/**
 * A case without faults makes exactly the keys asked for.
 *
 * @returns its requests in order, those of its first run, and its result
 */
export async function withoutFaults(shared: SharedEnvironment, tested: TestedGateway) {
  const environment = await openCaseEnvironment(shared, tested);
  try {
    const host = await environment.launch();
    const { failed, ofFirstRun } = await rotateTwice(environment, host);
    // At its end the process fills the compile cache for all other processes.
    await host.stop();
    const { keysMade, versions } = await progressOf(environment);
    const asked = runsOfCase * tested.keysARun;
    const tooFew = versions < asked ? [`${versions} versions, not ${asked}`] : [];
    const broken = await brokenPromises(environment, { versions: asked, keysMade: asked });
    const requests = [...environment.requests];
    const requestsOfFirstRun = requests.slice(0, ofFirstRun);
    return { requests, requestsOfFirstRun, violations: [...failed, ...tooFew, ...broken], keysMade };
  } finally {
    await environment.close();
  }
}

/** Kills the process at a request. Another process recovers. */
export const kill = (tested: TestedGateway, point: InterruptionPoint): ProcessCase =>
  processCase(`killed ${point.when} ${point.request}`, tested, (environment) =>
    killAndRecover(environment, point),
  );

async function killAndRecover(
  environment: CaseEnvironment,
  { request, when }: InterruptionPoint,
): Promise<CaseResult | undefined> {
  const first = await environment.launch();
  let intercepted = false;
  environment.intercept({
    when,
    matches: (name) => name === request,
    act() {
      intercepted = true;
      const killed = killHost(environment, first);
      // A request that was not sent takes no effect.
      return when === "before" ? killed.then(() => new Promise<never>(() => {})) : killed;
    },
  });
  await rotateTwice(environment, first).catch(() => undefined);
  if (intercepted) await first.exited;
  // The process sends telemetry in the background, so the number of those requests varies.
  else if (!request.startsWith("ingestion")) return undefined;

  const left = await progressOf(environment);
  return recoverAndCheck(environment, await environment.launch(), (runs) =>
    boundsAfterCrash(environment.tested, left, runs),
  );
}

/**
 * Kills a functions host, but first waits until the last attempt is in a log. A worker is a thread of its host: what it
 * logs before it sends a request is printed by the host's main thread, which can be later.
 */
export async function killHost(
  { simulator, processes }: Pick<CaseEnvironment, "simulator" | "processes">,
  { pid }: { readonly pid: number },
): Promise<void> {
  const last = simulator.requests.findLast(isRegenerate);
  const isLogged = () =>
    last === undefined || processes.some(({ output }) => output().includes(clientRequestIdOf(last)));
  for (let tries = 0; tries < mostTries && !isLogged(); tries += 1) await sleep(50);
  process.kill(pid, "SIGKILL");
}

/** An engine that logs no attempt must not hang the proof. */
const mostTries = 100;

/**
 * The most versions and keys after a crash. Each rotation that is not stored yet takes one more attempt. For a one-key
 * gateway with an open intent, the first attempt may kill the second one's key, and no call lists that key. So the
 * verification rotates once more.
 */
function boundsAfterCrash(
  { keys, keysARun }: TestedGateway,
  left: RotationProgress,
  runs: number,
): KeyBounds {
  const missing = runs * keysARun - left.versions;
  const inDoubt = missing > 0 && left.open && keys === 1 ? 1 : 0;
  return { versions: left.versions + missing + inDoubt, keysMade: left.keysMade + missing + inDoubt };
}
