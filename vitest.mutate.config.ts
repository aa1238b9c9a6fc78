import { matchesGlob } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The tests that run for each mutant of the engine, the fastest first: the first failure ends a mutant's run. */
const include = [
  "test/journal/*.test.ts",
  "test/rotation/{chooseSlot,failures,keyState,newVersion,nextStep,preflight,storeKey}.test.ts",
  "test/runs/{backlog,driveUntilSettled,driversClaim,dryRunProblems,dryRunStates,dueHosts,log,lostRuns,marker,progress,resumeProblems,runs}.test.ts",
  "test/rotation/*.test.ts",
  "test/runs/{driveRun,resume,twoDrivers}.test.ts",
  "test/pacing/*.test.ts",
  "test/simulation/engine/schedules.test.ts",
  "test/azure/{classifyFailure,keyVault,resourceManager,resourceManagerConnection}.test.ts",
  "test/runs/*.test.ts",
  "test/simulation/engine/engine.test.ts",
];

const place = ({ moduleId }: TestSpecification): number =>
  include.findIndex((pattern) => matchesGlob(moduleId, `**/${pattern}`));

class FastestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: { include, testTimeout: 60_000, sequence: { sequencer: FastestFirst } },
});
