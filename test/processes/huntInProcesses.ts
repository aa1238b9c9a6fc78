import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSabotagedCopy, type Sabotage } from "../simulation/sabotages.ts";
import { openLab } from "./lab.ts";
import { stop } from "./stops.ts";
import { gateway } from "./subjects.ts";

/**
 * Deploys a sabotaged engine into real processes: one stands still after it has claimed a gateway, while another one
 * runs.
 *
 * @returns what did not hold
 */
export async function huntInProcesses(root: string, sabotage: Sabotage): Promise<readonly string[]> {
  const copy = createSabotagedCopy(root, sabotage);
  try {
    const lab = await openLab((folder) =>
      promisify(execFile)(process.execPath, [join(copy.folder, "scripts/build.ts"), folder]),
    );
    try {
      const claimed = { request: "storage PUT gateways #1", when: "after" } as const;
      return (await stop(gateway, claimed, "another run").run(lab)).violations;
    } finally {
      await lab.close();
    }
  } finally {
    copy.remove();
  }
}
