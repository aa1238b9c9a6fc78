import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSabotagedCopy, type Sabotage } from "../simulation/proof/sabotages.ts";
import { openCaseEnvironment } from "./caseEnvironment.ts";
import { openSharedEnvironment } from "./sharedEnvironment.ts";
import { gateway } from "./testedGateways.ts";

/** A claim lasts four call time-outs. With these, the second process acts within it on a slow machine too. */
const timeOuts = { callSeconds: 30, functionSeconds: 600 };

/**
 * Deploys a sabotaged engine. One process stops after it has claimed a gateway, and another process runs meanwhile.
 *
 * @returns the violations
 */
export async function huntInProcesses(root: string, sabotage: Sabotage): Promise<readonly string[]> {
  const copy = createSabotagedCopy(root, sabotage);
  try {
    const bundle = join(copy.folder, "built");
    await promisify(execFile)(process.execPath, [join(copy.folder, "scripts/build.ts"), bundle]);
    return await runBesideClaim(bundle);
  } finally {
    copy.remove();
  }
}

/** The same with the bundle in a folder. */
export async function runBesideClaim(bundle: string): Promise<readonly string[]> {
  const shared = await openSharedEnvironment(timeOuts, bundle);
  try {
    const environment = await openCaseEnvironment(shared, gateway);
    try {
      const [first, second] = await Promise.all([environment.launch(), environment.launch()]);
      const stopped = Promise.withResolvers<void>();
      environment.intercept({
        when: "after",
        matches: (name) => name === "storage PUT gateways #1",
        act() {
          process.kill(first.pid, "SIGSTOP");
          stopped.resolve();
        },
      });
      void gateway.run(first).catch(() => undefined);
      await stopped.promise;
      await gateway.run(second);
      return [...environment.keyHistory.violations];
    } finally {
      await environment.close();
    }
  } finally {
    await shared.close();
  }
}
