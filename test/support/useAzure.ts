import { afterAll, beforeAll, beforeEach } from "vitest";
import type { RecordedRequest, SimulatedService, SimulatorOptions } from "../../local/simulator/types.ts";
import { startAzure, type TestAzure } from "./azure.ts";
import { refusal } from "./requests.ts";

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

/** The requests to a service from now on. */
export function watch(service: SimulatedService): () => readonly RecordedRequest[] {
  const before = azure.simulator.requests.length;
  return () => azure.simulator.requests.slice(before).filter((request) => request.service === service);
}

/** From now on, the service refuses the token of its last request. */
export function revokeToken(service: SimulatedService, headers: Readonly<Record<string, string>> = {}): void {
  const last = azure.simulator.requests.findLast((request) => request.service === service);
  const revoked = last?.headers["authorization"];
  if (revoked === undefined) throw new Error("The last request has no token.");
  azure.simulator.inject({
    service,
    times: Number.POSITIVE_INFINITY,
    matches: (request) => request.headers["authorization"] === revoked,
    fault: refusal(401, { headers }),
  });
}
