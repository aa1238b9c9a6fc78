import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { listen } from "../../local/listen.ts";
import { build } from "../build.ts";
import { packageFolder } from "../package.ts";
import { median, type Section } from "./report.ts";

const rounds = 25;
const mostPackageBytes = 500_000;
/** Ratios to an empty Node process, which hold on any machine. */
const mostForRegistering = 1.6;
const mostForFirstRequest = 3.2;

const probe = path.join(import.meta.dirname, "startProbe.cjs");

/**
 * How long the function app takes from a process's start until its functions are registered, and from a timer's tick
 * until the first request arrives. Each round measures everything once, so that other work on the machine slows all
 * measures alike.
 */
export async function benchStart(progress: (line: string) => void): Promise<Section> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "bench-start-"));
  const network = await openNetwork();
  try {
    const app = path.join(folder, "app");
    await build({ outDir: app });
    const packageBytes = await packageFolder({ folder: app, zipFile: path.join(folder, "app.zip") });
    const [empty, registered, requested]: [number[], number[], number[]] = [[], [], []];
    for (let round = 1; round <= rounds; round++) {
      progress(`start: round ${round} of ${rounds}`);
      empty.push(await processTime(["-e", ""]));
      registered.push(await processTime([probe, app]));
      requested.push(await network.firstRequest(app));
    }
    const kB = `${(packageBytes / 1000).toFixed(0)} kB`;
    const measured = [
      { what: "functions registered", most: mostForRegistering, ms: median(registered) },
      { what: "from trigger to first request", most: mostForFirstRequest, ms: median(requested) },
    ].map((each) => ({ ...each, ratio: each.ms / median(empty) }));
    return {
      title: "Start, and the package",
      text: [
        `Medians of ${rounds} rounds, each of which measures everything once. The app signs in to storage with its identity. The package: ${kB} zipped.`,
      ],
      rows: [{ what: "empty Node process", ms: median(empty), ratio: 1 }, ...measured].map((each) => ({
        what: each.what,
        ms: Math.round(each.ms),
        "times an empty Node process": each.ratio.toFixed(2),
      })),
      goals: [
        ...measured.map(({ what, most, ratio }) => ({
          goal: `${what}: at most ${most} times an empty Node process`,
          measured: ratio.toFixed(2),
          reached: ratio <= most,
        })),
        {
          goal: "the package: at most 0.5 MB zipped",
          measured: kB,
          reached: packageBytes <= mostPackageBytes,
        },
      ],
    };
  } finally {
    network.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function processTime(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, args, { env: {} });
  return performance.now() - startedAt;
}

const settings = {
  ROTATION_SCHEDULE: "0 0 3 * * *",
  DEPLOYMENT_NAME: "bench",
  AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
  AzureWebJobsStorage__blobServiceUri: "https://contoso.blob.core.windows.net",
  IDENTITY_HEADER: "bench",
  GATEWAYS: JSON.stringify({
    defaults: { vaultUrl: "https://contoso-keys.vault.azure.net" },
    gateways: [
      {
        resourceId:
          "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest",
      },
    ],
  }),
};

/** A server that stands for the identity endpoint. It sends no answers. */
async function openNetwork() {
  const arrivals: { next(): void } = { next: () => {} };
  const server = createServer(() => arrivals.next());
  const url = `http://127.0.0.1:${await listen(server)}`;

  /** From the timer's tick in a new process until its first request arrives. Both processes share the machine's clock. */
  async function firstRequest(folder: string): Promise<number> {
    const child = spawn(process.execPath, [probe, folder, "trigger"], {
      env: { ...settings, IDENTITY_ENDPOINT: `${url}/msi/token` },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const errors: string[] = [];
    child.stderr?.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    const triggered = Promise.withResolvers<number>();
    child.on("message", (at) => triggered.resolve(z.number().parse(at)));
    const arrived = Promise.withResolvers<number>();
    arrivals.next = () => arrived.resolve(performance.timeOrigin + performance.now());
    const closed = once(child, "close");
    const failed = closed.then(() => {
      throw new Error(`The probe ended before its first request.\n${errors.join("")}`);
    });
    try {
      const [end, start] = await Promise.race([Promise.all([arrived.promise, triggered.promise]), failed]);
      return end - start;
    } finally {
      child.kill("SIGKILL");
      await closed;
    }
  }

  return {
    firstRequest,
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}
