import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { startServices } from "../../local/services.ts";
import { build } from "../build.ts";
import { createFleet } from "./fleet.ts";
import { median, type Row, type Section } from "./report.ts";

/** So large that no gateway waits for it: this section measures the process. */
const bucket = { capacity: 1e6, refillPerSecond: 1e6 };

const Usage = z.object({ cpuMs: z.number(), peakKiB: z.number() });
type Usage = z.infer<typeof Usage>;

const [few, many] = [100, 10_000];
const runs = 3;
const mostCpuMs = 4;
const mostPeakMiB = 400;
const smallestInstanceMiB = 512;

/** Node 24 limits V8's heap to 259 MiB in a cgroup of 512 MiB: `v8.getHeapStatistics().heap_size_limit`. */
const asOnSmallestInstance = ["--max-heap-size=259"];

/**
 * Memory and processor time of ticks in processes of their own, with the SDKs, HTTPS to the simulator, and Azurite.
 * There are so many vaults that no gateway waits for their limit.
 */
export async function benchProcesses(progress: (line: string) => void): Promise<Section> {
  const small: Usage[] = [];
  const large: Usage[] = [];
  for (let run = 0; run < runs; run += 1) {
    small.push(await measure(few, [], progress));
    large.push(await measure(many, [], progress));
  }
  // `measure` throws where V8 runs out of memory.
  const limited = await measure(many, asOnSmallestInstance, progress);
  const cpuMs = (medianOf(large, "cpuMs") - medianOf(small, "cpuMs")) / (many - few);
  const peakMiB = medianOf(large, "peakKiB") / 1024;
  const limitedMiB = limited.peakKiB / 1024;
  return {
    title: "Memory and processor time",
    text: [
      `Ticks of \`rotateOnSchedule\` in Node processes of their own: the bundle as it is deployed, HTTPS to the simulator on the same machine, Azurite for the journals, telemetry included. No limit of Azure applies, so the process makes garbage as fast as it can, and V8 may take as much memory as this machine has. Medians of ${runs}. The tick with V8's heap as on an instance of ${smallestInstanceMiB} MiB was measured once (\`node ${asOnSmallestInstance.join(" ")}\`).`,
    ],
    rows: [
      row("one tick with 100 gateways", small),
      row("one tick with 10,000 gateways", large),
      row(`one tick with 10,000 gateways, V8's heap as on an instance of ${smallestInstanceMiB} MiB`, [
        limited,
      ]),
    ],
    goals: [
      {
        goal: `peak memory of one tick with 10,000 gateways: at most ${mostPeakMiB} MiB`,
        measured: `${peakMiB.toFixed(0)} MiB`,
        reached: peakMiB <= mostPeakMiB,
      },
      {
        goal: `such a tick completes within ${smallestInstanceMiB} MiB, with V8's heap as on such an instance`,
        measured: `${limitedMiB.toFixed(0)} MiB`,
        reached: limitedMiB <= smallestInstanceMiB,
      },
      {
        goal: `processor time of one rotation: at most ${mostCpuMs} ms`,
        measured: `${cpuMs.toFixed(1)} ms`,
        reached: cpuMs <= mostCpuMs,
      },
    ],
  };
}

const row = (what: string, usages: readonly Usage[]): Row => ({
  what,
  "peak resident memory": `${(medianOf(usages, "peakKiB") / 1024).toFixed(0)} MiB`,
  "processor time": `${(medianOf(usages, "cpuMs") / 1000).toFixed(1)} s`,
});

const medianOf = (usages: readonly Usage[], figure: keyof Usage): number =>
  median(usages.map((usage) => usage[figure]));

async function measure(
  gateways: number,
  nodeOptions: readonly string[],
  progress: (line: string) => void,
): Promise<Usage> {
  progress(["one tick,", gateways.toLocaleString("en"), "gateways", ...nodeOptions].join(" "));
  const fleet = createFleet(gateways, 10);
  const entries = fleet.map(({ name, target, secret }) => ({
    name,
    resourceId: target.resourceId,
    vaultUrl: secret.vaultUrl,
    secretName: secret.secretName,
  }));
  const services = await startServices({
    gateways: { gateways: entries },
    simulator: { bucket },
    settings: { AzureFunctionsJobHost__functionTimeout: "02:00:00" },
  });
  const directory = await mkdtemp(path.join(os.tmpdir(), "bench-"));
  try {
    const { GATEWAYS: document = "", ...settings } = services.settings;
    await writeFile(path.join(directory, "gateways.json"), document);
    const outDir = path.join(directory, "app");
    await build({ outDir, gatewaysFile: path.join(directory, "gateways.json") });
    const child = fork(path.join(import.meta.dirname, "startProbe.cjs"), [outDir, "measure"], {
      env: { ...settings, PATH: process.env["PATH"] },
      execArgv: [...nodeOptions],
    });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`The measured process ended with ${code} before it reported its usage.`);
    });
    try {
      const [usage] = await Promise.race([once(child, "message"), ended]);
      return Usage.parse(usage);
    } finally {
      ended.catch(() => {});
    }
  } finally {
    await services.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
