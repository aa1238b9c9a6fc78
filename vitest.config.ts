import path from "node:path";
import { defineConfig } from "vitest/config";

// What workers, and the processes that tests start, load is compiled once for all of them.
process.env["NODE_COMPILE_CACHE"] ??= path.join(import.meta.dirname, "node_modules", ".cache", "compiled");

/**
 * Files that share workers, modules included: their tests leave what is global as they found it. Not those that call
 * simulated Azure through the SDKs: in a shared worker such calls hung until their time limit, now and then. Not those
 * that mostly wait for other processes: the files apart begin first, so that the short ones fill these waits.
 */
const sharing = [
  "test/{cli,config,contract,domain,http,infra,pacing,rotation,simulation}/**/!(auditCommand|callers|createRoutes|discover|gatewayLists|keyVaultLists|main|page|recover|routes|simulator|situations).test.ts",
];

export default defineConfig({
  test: {
    // Almost half of the time goes into waiting for real time-outs: twice as many files at once as the gate has cores.
    maxWorkers: 4,
    // These end what hangs. No test may need them, on a busy machine either.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    unstubEnvs: true,
    projects: [
      {
        extends: true,
        test: {
          name: "apart",
          include: ["test/**/*.test.ts"],
          exclude: sharing,
          globalSetup: "test/support/bundleFolder.ts",
        },
      },
      {
        extends: true,
        test: { name: "sharing", include: sharing, isolate: false, pool: "threads" },
      },
    ],
  },
});
