import { test as base } from "vitest";
import { type Machine, type MachineOptions, startMachine } from "../../local/machine.ts";
import { type Storage, startStorage } from "./azuriteAccounts.ts";
import { deployedBundle } from "./bundle.ts";

/**
 * A test of the deployed bundle. The machines of a file share an Azurite, in which each has its own account; they are
 * stopped at the end of their test.
 */
export const test = base.extend<{
  readonly bundle: string;
  readonly storage: Storage;
  start(options?: MachineOptions): Promise<Machine>;
}>({
  bundle: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are asked for
    async ({}, use) => use(await deployedBundle()),
    { scope: "file" },
  ],
  storage: [
    // biome-ignore lint/correctness/noEmptyPattern: as above
    async ({}, use) => {
      const storage = await startStorage();
      await use(storage);
      await storage.stop();
    },
    { scope: "file" },
  ],
  start: async ({ bundle, storage }, use) => {
    const machines: Machine[] = [];
    await use(async ({ settings, ...options } = {}) => {
      const AzureWebJobsStorage = storage.newAccount().connectionString();
      const machine = await startMachine({
        folder: bundle,
        settings: { AzureWebJobsStorage, ...settings },
        ...options,
      });
      machines.push(machine);
      return machine;
    });
    await Promise.all(machines.map(({ stop }) => stop()));
  },
});
