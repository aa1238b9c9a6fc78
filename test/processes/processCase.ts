import { type CaseEnvironment, openCaseEnvironment } from "./caseEnvironment.ts";
import type { SharedEnvironment } from "./sharedEnvironment.ts";
import type { TestedGateway } from "./testedGateways.ts";

/** One schedule of real processes. */
export interface ProcessCase {
  readonly name: string;
  run(shared: SharedEnvironment): Promise<CaseResult>;
}

export interface CaseResult {
  /** The violations of promises. */
  readonly violations: readonly string[];
  /** How many keys the case made. */
  readonly keysMade: number;
}

const mostTries = 3;

/**
 * A case with its own environment.
 *
 * @param perform resolves with undefined if the process did not reach the point of interruption. On a slow machine a
 *   call may time out before it. The case then runs again.
 */
export const processCase = (
  name: string,
  tested: TestedGateway,
  perform: (environment: CaseEnvironment) => Promise<CaseResult | undefined>,
): ProcessCase => ({
  name: `${tested.name}, ${name}`,
  async run(shared) {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const environment = await openCaseEnvironment(shared, tested);
      try {
        const result = await perform(environment);
        if (result !== undefined) return result;
      } finally {
        await environment.close();
      }
    }
    return { violations: ["no process reached the point of interruption"], keysMade: 0 };
  },
});
