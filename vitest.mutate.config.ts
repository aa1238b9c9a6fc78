import { defineConfig } from "vitest/config";

/** The tests that run for each mutant of the engine: those that take seconds together. */
export default defineConfig({
  test: {
    include: [
      "test/{rotation,journal,runs,pacing}/**/*.test.ts",
      "test/simulation/engine/*.test.ts",
      "test/azure/{resourceManager,keyVault}.test.ts",
    ],
    testTimeout: 60_000,
  },
});
