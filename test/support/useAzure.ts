import { afterAll, beforeAll, beforeEach } from "vitest";
import type { SimulatorOptions } from "../../local/simulator/types.ts";
import { startAzure, type TestAzure } from "./azure.ts";

/** The simulator of the file's tests, from `useAzure` on. */
export let azure: TestAzure;

/** Starts a simulator for the tests of the file, and clears its faults before each. */
export function useAzure(options: Partial<SimulatorOptions> = {}): void {
  beforeAll(async () => {
    azure = await startAzure(options);
  });
  afterAll(() => azure.simulator.stop());
  beforeEach(() => azure.simulator.clearFaults());
}
