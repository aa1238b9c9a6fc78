import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSabotagedCopy, type Sabotage } from "../simulation/sabotages.ts";
import { openLab } from "./lab.ts";
import { openStage } from "./stage.ts";
import { gateway } from "./subjects.ts";

/** The claim holds for four calls' time: long enough that on a busy machine the other process acts within it. */
const times = { callTimeoutSeconds: 30, functionTimeoutSeconds: 600 };

/**
 * Deploys a sabotaged engine. One process stands still after it has claimed a gateway, and another one runs meanwhile.
 *
 * @returns the promises that did not hold
 */
export async function huntInProcesses(root: string, sabotage: Sabotage): Promise<readonly string[]> {
  const copy = createSabotagedCopy(root, sabotage);
  try {
    return await runBesideClaim((folder) =>
      promisify(execFile)(process.execPath, [join(copy.folder, "scripts/build.ts"), folder]),
    );
  } finally {
    copy.remove();
  }
}

/** The same with the engine that `makeBundle` builds. Default: as it is. */
export async function runBesideClaim(
  makeBundle?: (folder: string) => Promise<unknown>,
): Promise<readonly string[]> {
  const lab = await openLab(times, makeBundle);
  try {
    const stage = await openStage(lab, gateway);
    try {
      const [first, second] = await Promise.all([stage.launch(), stage.launch()]);
      const stopped = Promise.withResolvers<void>();
      stage.strike({
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
      return [...stage.ledger.violations];
    } finally {
      await stage.close();
    }
  } finally {
    await lab.close();
  }
}
