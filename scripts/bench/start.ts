import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { z } from "zod";
import { build } from "../build.ts";
import { packageFolder } from "../package.ts";
import { median } from "./median.ts";

export interface StartRow {
  readonly what: string;
  /** The median, in milliseconds. */
  readonly ms: number;
  /** To an empty Node process, in the same round. */
  readonly ratio: number;
  /** The ratio to stay below. */
  readonly goal?: number;
}

export interface StartResult {
  readonly rows: readonly StartRow[];
  /** Of the zip that is deployed. */
  readonly packageBytes: number;
  readonly rounds: number;
  /** Of the machine over the last minute, at the end; and how many processors share it. */
  readonly load: { readonly average: number; readonly processors: number };
}

export interface StartOptions {
  /** Default: 25. */
  readonly rounds?: number;
  readonly onProgress?: (round: number, rounds: number) => void;
}

const root = path.join(import.meta.dirname, "..", "..");
const probe = path.join(import.meta.dirname, "startProbe.cjs");

/**
 * How long the function app takes from a process's start until its functions are registered, and from a timer's tick
 * until the first request reaches whom it is for: bundled, and with its packages as npm installs them. Each round
 * measures everything once, so that what else the machine does falls on all alike.
 */
export async function benchStart({ rounds = 25, onProgress }: StartOptions = {}): Promise<StartResult> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "bench-start-"));
  const network = await openNetwork();
  try {
    const [bundled, unbundled] = [path.join(folder, "bundled"), path.join(folder, "unbundled")];
    await build({ outDir: bundled });
    await buildUnbundled(unbundled);
    const packageBytes = await packageFolder({ folder: bundled, zipFile: path.join(folder, "app.zip") });

    const { identity, connectionString } = network.storages;
    const measures: readonly Measure[] = [
      { what: "empty Node process", take: () => processTime(["-e", ""]) },
      { what: "bundle: functions registered", goal: 1.8, take: () => processTime([probe, bundled]) },
      { what: "unbundled: functions registered", take: () => processTime([probe, unbundled]) },
      {
        what: "bundle: from trigger to first request (identity)",
        goal: 2.6,
        take: () => network.firstRequest(bundled, identity),
      },
      {
        what: "bundle: from trigger to first request (connection string)",
        goal: 2.6,
        take: () => network.firstRequest(bundled, connectionString),
      },
      {
        what: "unbundled: from trigger to first request (identity)",
        take: () => network.firstRequest(unbundled, identity),
      },
    ];
    const times: number[][] = measures.map(() => []);
    for (let round = 1; round <= rounds; round++) {
      for (const [index, { take }] of measures.entries()) times[index]?.push(await take());
      onProgress?.(round, rounds);
    }
    const [empty = []] = times;
    const rows = measures.map(({ what, goal }, index) => {
      const ms = median(times[index] ?? []);
      return { what, ms, ratio: ms / median(empty), ...(goal !== undefined && { goal }) };
    });
    const load = { average: os.loadavg()[0] ?? 0, processors: os.availableParallelism() };
    return { rows, packageBytes, rounds, load };
  } finally {
    network.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measure {
  readonly what: string;
  readonly goal?: number;
  /** In milliseconds. */
  take(): Promise<number>;
}

async function processTime(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, args, { env: {} });
  return performance.now() - startedAt;
}

/** Our own code in the same chunks, and every package loaded from node_modules. */
async function buildUnbundled(outDir: string): Promise<void> {
  await esbuild.build({
    entryPoints: { main: path.join(root, "functions", "main.ts") },
    outdir: outDir,
    bundle: true,
    packages: "external",
    format: "cjs",
    platform: "node",
    define: { "import.meta.dirname": "__dirname" },
    logLevel: "warning",
  });
  await mkdir(outDir, { recursive: true });
  await writeFile(path.join(outDir, "host.json"), "{}");
  await symlink(path.join(root, "node_modules"), path.join(outDir, "node_modules"));
}

const settings = {
  ROTATION_SCHEDULE: "0 0 3 * * *",
  DEPLOYMENT_NAME: "bench",
  AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
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

/** One server for whomever is asked first. It answers nobody. */
async function openNetwork() {
  const arrivals: { next(): void } = { next: () => {} };
  const server = createServer(() => arrivals.next());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = z.object({ port: z.number() }).parse(server.address());
  const url = `http://127.0.0.1:${address.port}`;
  const accountKey = Buffer.alloc(64).toString("base64");

  /** From the timer's tick in a new process until its first request is here. Both clocks are the machine's. */
  async function firstRequest(folder: string, storage: Readonly<Record<string, string>>): Promise<number> {
    const child = spawn(process.execPath, [probe, folder, "trigger"], {
      env: { ...settings, ...storage },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const told: string[] = [];
    child.stderr?.setEncoding("utf8").on("data", (text: string) => told.push(text));
    const triggered = Promise.withResolvers<number>();
    child.on("message", (at) => triggered.resolve(z.number().parse(at)));
    const arrived = Promise.withResolvers<number>();
    arrivals.next = () => arrived.resolve(performance.timeOrigin + performance.now());
    const closed = once(child, "close");
    const failed = closed.then(() => {
      throw new Error(`The probe ended before its first request.\n${told.join("")}`);
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
    storages: {
      identity: {
        AzureWebJobsStorage__blobServiceUri: "https://contoso.blob.core.windows.net",
        IDENTITY_ENDPOINT: `${url}/msi/token`,
        IDENTITY_HEADER: "bench",
      },
      connectionString: {
        AzureWebJobsStorage: `DefaultEndpointsProtocol=http;AccountName=bench;AccountKey=${accountKey};BlobEndpoint=${url}/bench`,
      },
    },
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (import.meta.main) {
  const { rows, packageBytes, rounds, load } = await benchStart({
    onProgress: (round, all) => void process.stderr.write(`\rround ${round} of ${all}`),
  });
  process.stderr.write("\n");
  console.table(
    rows.map(({ what, ms, ratio, goal }) => ({
      what,
      "ms (median)": ms.toFixed(1),
      "to an empty process": ratio.toFixed(2),
      goal: goal === undefined ? "" : `at most ${goal}`,
    })),
  );
  console.log(`The package: ${(packageBytes / 1000).toFixed(1)} kB zipped.`);
  console.log(
    `${rounds} rounds; load average ${load.average.toFixed(1)} on ${load.processors} processors at the end.`,
  );
}
