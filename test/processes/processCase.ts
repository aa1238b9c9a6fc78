import { openStage, type Stage } from "./caseEnvironment.ts";
import type { Lab } from "./sharedEnvironment.ts";
import type { Subject } from "./testedGateways.ts";

/** One schedule of real processes. */
export interface Case {
  readonly name: string;
  run(lab: Lab): Promise<Verdict>;
}

export interface Verdict {
  /** What was promised and did not hold. */
  readonly violations: readonly string[];
  /** Keys that were made. */
  readonly keysMade: number;
}

const mostTries = 3;

/**
 * A case on a stage of its own.
 *
 * @param perform resolves with undefined where its moment did not come: on a slow machine a call may run out of time,
 *   and then the process does not get that far. It is given another chance.
 */
export const stagedCase = (
  name: string,
  subject: Subject,
  perform: (stage: Stage) => Promise<Verdict | undefined>,
): Case => ({
  name: `${subject.name}, ${name}`,
  async run(lab) {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const stage = await openStage(lab, subject);
      try {
        const verdict = await perform(stage);
        if (verdict !== undefined) return verdict;
      } finally {
        await stage.close();
      }
    }
    return { violations: ["its moment never came"], keysMade: 0 };
  },
});
