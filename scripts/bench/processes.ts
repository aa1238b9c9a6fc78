import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { startServices } from "../../local/services.ts";
import { build } from "../build.ts";
import { createFleet } from "./fleet.ts";
import type { Section } from "./report.ts";

/** Out of the way: it is the process that is measured, not the limits. */
const bucket = { capacity: 1e6, refillPerSecond: 1e6 };

const Usage = z.object({ cpuMs: z.number(), peakKiB: z.number(), liveBytes: z.number().optional() });
type Usage = z.infer<typeof Usage>;

/**
 * Memory and processor time of one tick in a process of its own, with the SDKs, HTTPS to the simulator, and Azurite.
 * Vaults enough that their limit is not waited for either.
 */
export async function benchProcesses(progress: (line: string) => void): Promise<Section> {
  const small = await measure(100, progress);
  const large = await measure(10_000, progress);
  const cpuMs = (large.cpuMs - small.cpuMs) / (10_000 - 100);
  const moreMiB = (large.peakKiB - small.peakKiB) / 1024;
  return {
    title: "Memory and processor time",
    text: [
      "One tick of `rotateOnSchedule` in a Node process of its own: the bundle as it is deployed, HTTPS to the simulator on the same machine, Azurite for the journals, telemetry included. Limits out of the way, so the process makes garbage as fast as it can. What is in use after a full collection is what the application itself holds on to.",
    ],
    rows: [
      { what: "peak resident memory, 100 gateways", measured: `${mib(small)} MiB` },
      { what: "the most in use after a full collection, 100 gateways", measured: live(small) },
      { what: "peak resident memory, 10,000 gateways", measured: `${mib(large)} MiB` },
      { what: "the most in use after a full collection, 10,000 gateways", measured: live(large) },
      { what: "processor time of one rotation", measured: `${cpuMs.toFixed(1)} ms` },
    ],
    goals: [
      {
        goal: "peak memory at 10,000 gateways: at most 30 MiB above that at 100",
        measured: `${moreMiB.toFixed(0)} MiB`,
        reached: moreMiB <= 30,
      },
    ],
  };
}

const live = ({ liveBytes }: Usage): string =>
  liveBytes === undefined ? "none was needed" : `${(liveBytes / 2 ** 20).toFixed(0)} MiB`;
const mib = ({ peakKiB }: Usage): string => (peakKiB / 1024).toFixed(0);

async function measure(gateways: number, progress: (line: string) => void): Promise<Usage> {
  const label = `one tick with ${gateways.toLocaleString("en")} gateways`;
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
    const child = fork(path.join(import.meta.dirname, "startProbe.cjs"), [outDir, "measure"], {
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
