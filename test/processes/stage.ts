import { randomBytes } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import path from "node:path";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { readSampleSettings } from "../../local/sample.ts";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Simulator } from "../../local/simulator/types.ts";
import { allBlobs } from "../support/allBlobs.ts";
import { canary } from "../support/azure.ts";
import { type BlobProxy, startBlobProxy } from "./blobProxy.ts";
import type { Lab, Times } from "./lab.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { containerName, readBlobs, type StoredBlob } from "./storage.ts";
import type { Subject } from "./subjects.ts";
import { createWatch, type Watch } from "./watch.ts";

/** Azure for one case, and the processes that run on it one after another or together. */
export interface Stage extends Pick<Watch, "requests" | "strike"> {
  readonly simulator: Simulator;
  readonly subject: Subject;
  readonly ledger: Ledger;
  readonly processes: readonly FunctionsHost[];
  readonly times: Times;
  launch(): Promise<FunctionsHost>;
  /**
   * Puts storage's clock forward, which decides about claims and verifications. For a process that runs afterwards that
   * is the same as to wait; a process in the middle of an invocation would take it for skew.
   */
  putForward(ms: number): void;
  readBlobs(): Promise<readonly StoredBlob[]>;
  /** Everything in storage as one text, to search for leaks. */
  allBlobs(): Promise<string>;
  /** Ends all processes and services. */
  close(): Promise<void>;
}

export async function openStage(lab: Lab, subject: Subject): Promise<Stage> {
  const { times } = lab;
  const { resourceId, vault, secretName } = subject;
  const simulator = await startSimulator({ vaults: [vault], targets: [resourceId], canary });
  publishByHand(simulator, subject);
  const ledger = createLedger(simulator, subject);
  const watch = createWatch(simulator, ledger);
  const account = lab.storage.newAccount();
  const processes: FunctionsHost[] = [];
  const alive = new Set<FunctionsHost>();
  let clockOffsetMs = 0;

  /** Each process has its own proxy to storage, which shows which process writes. */
  const proxies: BlobProxy[] = [];
  let processesLaunched = 0;
  async function openStorage(): Promise<string> {
    const process = ++processesLaunched;
    const proxy = await startBlobProxy({
      upstream: lab.storage.origin,
      container: containerName,
      pass: watch.passBlob(process, () => Date.now() + clockOffsetMs),
      clockOffsetMs: () => clockOffsetMs,
    });
    proxies.push(proxy);
    return account.connectionString(proxy.origin);
  }
  const authorityFile = path.join(await mkdtemp(path.join(lab.folder, "case-")), "authority.pem");
  await writeFile(authorityFile, simulator.certificateAuthorityPem);
  const gateway = { resourceId, secretName, vaultUrl: simulator.vaultUrls[vault] };
  const { ROTATION_SCHEDULE = "", DEPLOYMENT_NAME = "" } = await readSampleSettings();
  const settings = {
    ROTATION_SCHEDULE,
    DEPLOYMENT_NAME,
    GATEWAYS: JSON.stringify({ gateways: [gateway] }),
    RESOURCE_MANAGER_URL: simulator.resourceManagerUrl,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    IDENTITY_ENDPOINT: simulator.identityEndpoint,
    IDENTITY_HEADER: simulator.identityHeader,
    APPLICATIONINSIGHTS_CONNECTION_STRING: simulator.applicationInsightsConnectionString,
    APPLICATION_INSIGHTS_NO_STATSBEAT: "1",
    NODE_EXTRA_CA_CERTS: authorityFile,
    CALL_TIMEOUT_SECONDS: String(times.callTimeoutSeconds),
    AzureFunctionsJobHost__functionTimeout: new Date(times.functionTimeoutSeconds * 1000)
      .toISOString()
      .slice(11, 19),
    NODE_COMPILE_CACHE: path.join(lab.folder, "compile-cache"),
  };

  return {
    simulator,
    subject,
    ledger,
    requests: watch.requests,
    strike: watch.strike,
    processes,
    times,
    async launch() {
      const env = { ...settings, AzureWebJobsStorage: await openStorage() };
      const launched = await launchFunctionsHost({ folder: lab.bundle, env });
      processes.push(launched);
      alive.add(launched);
      void launched.exited.then(() => alive.delete(launched));
      return launched;
    },
    putForward(ms) {
      clockOffsetMs += ms;
    },
    readBlobs: () => readBlobs(account.connectionString()),
    allBlobs: () => allBlobs(account.connectionString()),
    async close() {
      for (const { pid } of alive) end(pid);
      await Promise.all(processes.map(({ exited }) => exited));
      await Promise.all([simulator.stop(), ...proxies.map((proxy) => proxy.stop())]);
    },
  };
}

/** SIGKILL also ends a stopped process, which handles no other signal. */
function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has just ended by itself.
  }
}

function publishByHand(
  simulator: Simulator,
  { resourceId, vault, secretName, publishedByHand }: Subject,
): void {
  if (publishedByHand === undefined) return;
  const version = {
    version: randomBytes(16).toString("hex"),
    value: simulator.keys(resourceId)[publishedByHand] ?? "",
    tags: {},
    created: Math.floor(Date.now() / 1000),
    enabled: true,
  };
  const secret = { name: secretName, versions: [version], deleted: false, managed: false };
  simulator.secrets(vault).set(secretName, secret);
}
