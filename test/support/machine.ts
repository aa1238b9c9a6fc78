import { test as base } from "vitest";
import { type Machine, type MachineOptions, startMachine } from "../../local/machine.ts";
import { deployedBundle } from "./bundle.ts";

/** A test of the deployed bundle. Machines are stopped at the end of their test. */
export const test = base.extend<{
  readonly bundle: string;
  start(options?: MachineOptions): Promise<Machine>;
}>({
  bundle: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are asked for
    async ({}, use) => use(await deployedBundle()),
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
