import path from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

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

/** They take 5 to 45 s each. The first four wait for real time-outs, so they must begin first. */
const longest = [
  "endToEnd",
  "http/situations",
  "http/routes",
  "leaks",
  "processes/processes",
  "page/display",
  "cli/audit/page",
  "infra/main",
  "cli/gateways/discover",
  "build",
  "invocations",
  "pictures",
  "page/statusPage",
  "simulation/proof/sabotages",
  "simulation/engine/engine",
  "simulation/explorers/exploreInterleavings",
];

const place = ({ moduleId }: TestSpecification): number => {
  const found = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return found === -1 ? longest.length : found;
};

/** The short files begin last, so that no core is idle at the end. Vitest alone knows no durations in a new clone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    // For two cores, as the gate has, and the first five files, which mostly wait.
    maxWorkers: 7,
    sequence: { sequencer: LongestFirst },
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
