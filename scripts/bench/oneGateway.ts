import { setTimeout as sleep } from "node:timers/promises";
import { rotateAll } from "../../src/runs/rotateAll.ts";
import { ofNewRun } from "../../test/support/gateways.ts";
import { createBenchAzure, documentedBucket } from "./azure.ts";
import { createFleet, runTerms } from "./fleet.ts";
import { median, type Section } from "./report.ts";
import { createKept, createServices } from "./services.ts";

const latencyMs = 50;
const rotations = 25;

/** In real time: what a run of one gateway takes beyond the calls that it waits for. */
export async function benchOneGateway(progress: (line: string) => void): Promise<Section> {
  const clock = { now: Date.now, sleep };
  const fleet = createFleet(rotations, 1);
  const azure = createBenchAzure(clock, { bucket: documentedBucket, latencyMs });
  let spentMs = 0;
  const travel = async (): Promise<void> => {
    const startedAt = performance.now();
    await azure.travel();
    spentMs += performance.now() - startedAt;
  };
  const services = createServices({ ...azure, travel }, createKept(clock));
  const more: number[] = [];
  const calls: number[] = [];
  for (const [i, gateway] of fleet.entries()) {
    progress(`one gateway at a time: ${i + 1} of ${rotations}`);
    spentMs = 0;
    const startedAt = performance.now();
    const { rotated } = await rotateAll(services, [ofNewRun(gateway)], runTerms(clock), () => {});
    const tookMs = performance.now() - startedAt;
    if (rotated !== 1) throw new Error("The gateway was not rotated");
    more.push(tookMs / spentMs - 1);
    calls.push(spentMs);
  }
  const overhead = `${(100 * median(more)).toFixed(2)} %`;
  return {
    title: "One gateway",
    text: [`In real time, over calls of ${latencyMs} ms each, one after the other; medians of ${rotations}.`],
    rows: [{ "its calls": `${median(calls).toFixed(0)} ms`, "more than they take": overhead }],
    goals: [
      {
        goal: "one gateway: under 2 % more than its calls",
        measured: overhead,
        reached: median(more) < 0.02,
      },
    ],
  };
}
