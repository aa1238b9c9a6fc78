import { z } from "zod";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Fault } from "../../local/simulator/types.ts";

const Item = z.object({
  name: z.string(),
  iKey: z.string(),
  time: z.string(),
  tags: z.record(z.string(), z.string()),
  data: z.object({
    baseType: z.string(),
    baseData: z.object({
      name: z.string(),
      properties: z.record(z.string(), z.string()),
      measurements: z.record(z.string(), z.number()),
    }),
  }),
});

export type IngestionServer = Awaited<ReturnType<typeof startIngestionServer>>;

/** No answer, for ever. */
export const hang: Fault = { kind: "hang" };

/** The simulator's Application Insights, with what arrived since the last `reset`. */
export async function startIngestionServer() {
  const simulator = await startSimulator({ vaults: [], gateways: [] });
  const { applicationInsightsConnectionString: connectionString, certificatePem, telemetry } = simulator;
  let arrived = Promise.withResolvers<void>();
  let [oldItems, oldRequests] = [0, 0];
  return {
    connectionString,
    certificatePem,
    /** What was accepted, in order. */
    items: () => telemetry.slice(oldItems).map((item) => Item.parse(item)),
    requests: () =>
      simulator.requests.slice(oldRequests).map(({ url, headers: { authorization }, body }) => {
        return { url, authorization, count: z.array(z.unknown()).parse(JSON.parse(body)).length };
      }),
    /** The answers to the coming requests, by default to all; afterwards everything is accepted. */
    answerWith(fault: Fault, times = Number.POSITIVE_INFINITY) {
      const matches = () => {
        arrived.resolve();
        return true;
      };
      simulator.inject({ service: "ingestion", times, fault, matches });
    },
    accept: simulator.clearFaults,
    /** Resolves when the next request that has such an answer has arrived. */
    nextRequest() {
      arrived = Promise.withResolvers();
      return arrived.promise;
    },
    /** Forgets all requests, and accepts everything again. */
    reset() {
      simulator.clearFaults();
      [oldItems, oldRequests] = [telemetry.length, simulator.requests.length];
    },
    stop: simulator.stop,
  };
}
