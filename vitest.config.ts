import { defineConfig } from "vitest/config";

/**
 * Folders whose files share workers, modules included: their tests leave what is global as they found it, but for the
 * identity that simulated Azure is called with, which each of them sets anew.
 */
const sharing = [
  "test/cli/{audit,gateways}/**/*.test.ts",
  "test/{config,contract,domain,http,infra,pacing,rotation,simulation}/**/*.test.ts",
];

export default defineConfig({
  test: {
    // Much of the time goes into waiting for real time-outs: one more file at once than the two cores of the gate.
    maxWorkers: 3,
    // These end what hangs. No test may need them, on a busy machine either.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    unstubEnvs: true,
    projects: [
      { extends: true, test: { name: "apart", include: ["test/**/*.test.ts"], exclude: sharing } },
      { extends: true, test: { name: "sharing", include: sharing, isolate: false, pool: "threads" } },
    ],
  },
});
