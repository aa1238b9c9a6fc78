import type { Gateway } from "../../src/domain/target.ts";
import type { StorageTerms } from "../../src/journal/conditionalWrite.ts";
import { createRun } from "../../src/runs/runs.ts";

/** Creates a run that storage does not hold yet. @returns the run, as its creator has claimed it */
export async function claimedRun(
  storage: StorageTerms,
  run: Parameters<typeof createRun>[1],
  gateways: readonly Gateway[],
) {
  const created = await createRun(storage, run, () => gateways);
  if (created.kind !== "created") throw new Error(created.kind);
  return created;
}
