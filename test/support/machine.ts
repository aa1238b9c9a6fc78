import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test as base } from "vitest";
import { type Machine, type MachineOptions, startMachine } from "../../local/machine.ts";
import { build } from "../../scripts/build.ts";

/** A test of the deployed bundle, which is built once for a test file. Machines are stopped at the end of their test. */
export const test = base.extend<{
  readonly bundle: string;
  start(options?: MachineOptions): Promise<Machine>;
}>({
  bundle: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are asked for
    async ({}, use) => {
      const parent = await mkdtemp(path.join(tmpdir(), "bundle-"));
      await build({ outDir: path.join(parent, "built") });
      // No file of it may know where it was built.
      const folder = path.join(parent, "moved");
      await rename(path.join(parent, "built"), folder);
      await use(folder);
      await rm(parent, { recursive: true, force: true });
    },
    { scope: "file" },
  ],
  start: async ({ bundle }, use) => {
    const machines: Machine[] = [];
    await use(async (options) => {
      const machine = await startMachine({ folder: bundle, ...options });
      machines.push(machine);
      return machine;
    });
    await Promise.all(machines.map(({ stop }) => stop()));
  },
});
