import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { startServices } from "../../local/services.ts";
import { build } from "../build.ts";
import { createFleet } from "./fleet.ts";
import { median } from "./median.ts";
import type { Goal, Row, Section } from "./report.ts";

/** Out of the way: it is the process that is measured, not the limits. */
const bucket = { capacity: 1e6, refillPerSecond: 1e6 };

const Usage = z.object({ cpuMs: z.number(), peakKiB: z.number(), liveBytes: z.number() });
type Usage = z.infer<typeof Usage>;

const [few, many] = [100, 10_000];
const runs = 3;
const mostMoreMiB = 30;

/**
 * Memory and processor time of ticks in processes of their own, with the SDKs, HTTPS to the simulator, and Azurite.
 * Vaults enough that their limit is not waited for either.
 */
export async function benchProcesses(progress: (line: string) => void): Promise<Section> {
  const small: Usage[] = [];
  const large: Usage[] = [];
  for (let run = 0; run < runs; run += 1) {
    small.push(await measure(few, 1, progress));
    large.push(await measure(many, 1, progress));
  }
  const warm = await measure(few, many / few, progress);
  const cpuMs = (medianOf(large, "cpuMs") - medianOf(small, "cpuMs")) / (many - few);
  const moreThan = (kiB: number): Pick<Goal, "measured" | "reached"> => {
    const moreMiB = (medianOf(large, "peakKiB") - kiB) / 1024;
    return { measured: `${moreMiB.toFixed(1)} MiB`, reached: moreMiB <= mostMoreMiB };
  };
  const peak = `peak memory of one tick with 10,000 gateways: at most ${mostMoreMiB} MiB above that`;
  return {
    title: "Memory and processor time",
    text: [
      `Ticks of \`rotateOnSchedule\` in Node processes of their own: the bundle as it is deployed, HTTPS to the simulator on the same machine, Azurite for the journals, telemetry included. Limits out of the way, so the process makes garbage as fast as it can. Medians of ${runs}; the ticks one after the other in one process were measured once.`,
      "A process that has just begun is smaller than one that has worked for a minute, whatever it worked on: V8 has optimized what is run often, and the allocators keep what they once had. A hundred ticks with 100 gateways rotate as many as one with 10,000: what is more than theirs is what the number of gateways costs. What is in use after a full collection is what the application itself holds on to, code included.",
    ],
    rows: [
      row("one tick with 100 gateways", small),
      row("a hundred ticks with 100 gateways, one after the other", [warm]),
      row("one tick with 10,000 gateways", large),
      {
        what: "processor time of one rotation",
        "peak resident memory": "",
        "most in use after a full collection": "",
        "processor time": `${cpuMs.toFixed(1)} ms`,
      },
    ],
    goals: [
      { goal: `${peak} of as many rotations with 100`, ...moreThan(warm.peakKiB) },
      { goal: `${peak} of one tick with 100`, ...moreThan(medianOf(small, "peakKiB")) },
    ],
  };
}

const row = (what: string, usages: readonly Usage[]): Row => ({
  what,
  "peak resident memory": mib(medianOf(usages, "peakKiB") * 1024),
  "most in use after a full collection": mib(medianOf(usages, "liveBytes")),
  "processor time": `${(medianOf(usages, "cpuMs") / 1000).toFixed(1)} s`,
});

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const medianOf = (usages: readonly Usage[], figure: keyof Usage): number =>
  median(usages.map((usage) => usage[figure]));

async function measure(gateways: number, ticks: number, progress: (line: string) => void): Promise<Usage> {
  const label = `${ticks} × ${gateways.toLocaleString("en")} gateways`;
  progress(label);
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
    await build({ outDir, gatewaysDir: directory });
    const child = fork(path.join(import.meta.dirname, "startProbe.cjs"), [outDir, "measure", String(ticks)], {
      env: { ...settings, PATH: process.env["PATH"] },
    });
    const shown = setInterval(() => progress(`${label}: ${regenerates(services.simulator.requests)}`), 5000);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`The measured process ended with ${code} before it told what it took.`);
    });
    try {
      const [usage] = await Promise.race([once(child, "message"), ended]);
      return Usage.parse(usage);
    } finally {
      clearInterval(shown);
      ended.catch(() => {});
    }
  } finally {
    await services.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const regenerates = (requests: readonly { readonly url: string }[]): number =>
  requests.filter(({ url }) => url.includes("/regenerateAuthKey?")).length;
