import { setTimeout as sleep } from "node:timers/promises";
import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import type { KeyBounds } from "./brokenPromises.ts";
import type { CaseEnvironment } from "./caseEnvironment.ts";
import { type CaseResult, type ProcessCase, processCase } from "./processCase.ts";
import { recoverAndCheck } from "./recovery.ts";
import type { InterruptionPoint } from "./requestName.ts";
import type { TimeOuts } from "./sharedEnvironment.ts";
import type { TestedGateway } from "./testedGateways.ts";
import { resumeRotations } from "./triggerFunctions.ts";

/** What another process does while the first one is stopped: only ticks of resume, or another run first. */
export type Successor = "ticks" | "another run";

/** A process is stopped for less than its invocation's time-out, part of which has passed already. */
const longestStallMs = ({ callSeconds, functionSeconds }: TimeOuts): number =>
  (functionSeconds - 3 * callSeconds) * 1000;

/** A process runs, stops at a request while another process takes over, and continues. */
export const stop = (tested: TestedGateway, point: InterruptionPoint, successor: Successor): ProcessCase =>
  processCase(`stopped ${point.when} ${point.request}, meanwhile ${successor}`, tested, (environment) =>
    stopAndTakeOver(environment, point, successor),
  );

async function stopAndTakeOver(
  environment: CaseEnvironment,
  { request, when }: InterruptionPoint,
  successor: Successor,
): Promise<CaseResult | undefined> {
  const [first, second] = await Promise.all([environment.launch(), environment.launch()]);
  const stopped = Promise.withResolvers<"stopped">();
  const continued = Promise.withResolvers<void>();
  environment.intercept({
    when,
    matches: (name) => name === request,
    act() {
      process.kill(first.pid, "SIGSTOP");
      stopped.resolve("stopped");
      // As if the process stopped just before it sends: the request takes effect when the process continues.
      return when === "before" ? continued.promise : undefined;
    },
  });
  const invocation = environment.tested.run(first).catch(() => "ended by its time-out");
  if ((await Promise.race([stopped.promise, invocation])) !== "stopped") return undefined;

  const until = performance.now() + longestStallMs(environment.timeOuts);
  if (successor === "another run") await environment.tested.run(second);
  while (!hasRotated(second) && performance.now() < until) {
    await sleep(1_000);
    await resumeRotations(second);
  }
  continued.resolve();
  process.kill(first.pid, "SIGCONT");
  await invocation;

  return recoverAndCheck(environment, second, (runs) => boundsAfterStall(environment.tested, runs));
}

const hasRotated = ({ logs }: FunctionsHost) =>
  logs.some(({ message }) => message.includes('"event":"GatewayKeyRotated"'));

/**
 * The most versions and keys after a stop: one for each key that the runs ask for, and one for the key of the stopped
 * process, since the takeover makes another. If the takeover did not wait, the late store may replace its version. For a
 * one-key gateway, the late regenerate may kill its key, and no call lists that key. Each of the two adds one.
 */
function boundsAfterStall({ keys, keysARun, waits }: TestedGateway, runs: number): KeyBounds {
  const most = runs * keysARun + 1 + (waits ? 0 : 1) + (keys === 1 ? 1 : 0);
  return { versions: most, keysMade: most };
}
