import { randomBytes } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import path from "node:path";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { readSampleSettings } from "../../local/sample.ts";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Simulator } from "../../local/simulator/types.ts";
import { canary } from "../support/azure.ts";
import { allBlobs, containerName, readBlobs, type StoredBlob } from "../support/azuriteAccounts.ts";
import { type BlobProxy, startBlobProxy } from "./blobProxy.ts";
import { createKeyHistory, type KeyHistory } from "./keyHistory.ts";
import { createRequestMonitor, type RequestMonitor } from "./requestMonitor.ts";
import type { SharedEnvironment, TimeOuts } from "./sharedEnvironment.ts";
import type { TestedGateway } from "./testedGateways.ts";

/** Azurite, the simulator and the processes of one case. */
export interface CaseEnvironment extends Pick<RequestMonitor, "requests" | "intercept"> {
  readonly simulator: Simulator;
  readonly tested: TestedGateway;
  readonly keyHistory: KeyHistory;
  readonly processes: readonly FunctionsHost[];
  readonly timeOuts: TimeOuts;
  launch(): Promise<FunctionsHost>;
  /**
   * Advances storage's clock, which decides about claims and verifications. For a later invocation this is the same as
   * a wait. A running invocation would take it for a clock difference.
   */
  advanceStorageClock(ms: number): void;
  readBlobs(): Promise<readonly StoredBlob[]>;
  /** All contents of storage as one text, to search for leaked keys. */
  allBlobs(): Promise<string>;
  /** Ends all processes and services. */
  close(): Promise<void>;
}

export async function openCaseEnvironment(
  shared: SharedEnvironment,
  tested: TestedGateway,
): Promise<CaseEnvironment> {
  const { timeOuts } = shared;
  const { resourceId, vault, secretName } = tested;
  const simulator = await startSimulator({ vaults: [vault], gateways: [resourceId], canary });
  publishOutside(simulator, tested);
  const keyHistory = createKeyHistory(simulator, tested);
  const monitor = createRequestMonitor(simulator, keyHistory);
  const account = shared.storage.newAccount();
  const processes: FunctionsHost[] = [];
  const alive = new Set<FunctionsHost>();
  let clockOffsetMs = 0;

  /** Each process has its own proxy to storage, so the key history knows which process writes. */
  const proxies: BlobProxy[] = [];
  let processesLaunched = 0;
  async function openStorage(): Promise<string> {
    const process = ++processesLaunched;
    const proxy = await startBlobProxy({
      upstream: shared.storage.origin,
      container: containerName,
      pass: monitor.passBlob(process, () => Date.now() + clockOffsetMs),
      clockOffsetMs: () => clockOffsetMs,
    });
    proxies.push(proxy);
    return account.connectionString(proxy.origin);
  }
  const certificateFile = path.join(await mkdtemp(path.join(shared.folder, "case-")), "certificate.pem");
  await writeFile(certificateFile, simulator.certificatePem);
  const gateway = { resourceId, secretName, vaultUrl: simulator.vaultUrls[vault] };
  const { ROTATION_SCHEDULE = "", DEPLOYMENT_NAME = "" } = await readSampleSettings();
  const settings = {
    ROTATION_SCHEDULE,
    // The case alone triggers functions: no timer may fire meanwhile.
    RESUME_SCHEDULE: "0 0 0 1 1 *",
    DEPLOYMENT_NAME,
    GATEWAYS: JSON.stringify({ gateways: [gateway] }),
    RESOURCE_MANAGER_URL: simulator.resourceManagerUrl,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    IDENTITY_ENDPOINT: simulator.identityEndpoint,
    IDENTITY_HEADER: simulator.identityHeader,
    APPLICATIONINSIGHTS_CONNECTION_STRING: simulator.applicationInsightsConnectionString,
    APPLICATION_INSIGHTS_NO_STATSBEAT: "1",
    NODE_EXTRA_CA_CERTS: certificateFile,
    CALL_TIMEOUT_SECONDS: String(timeOuts.callSeconds),
    AzureFunctionsJobHost__functionTimeout: new Date(timeOuts.functionSeconds * 1000)
      .toISOString()
      .slice(11, 19),
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? path.join(shared.folder, "compile-cache"),
  };

  return {
    simulator,
    tested,
    keyHistory,
    requests: monitor.requests,
    intercept: monitor.intercept,
    processes,
    timeOuts,
    async launch() {
      const env = { ...settings, AzureWebJobsStorage: await openStorage() };
      const launched = await launchFunctionsHost({ folder: shared.bundle, env });
      processes.push(launched);
      alive.add(launched);
      void launched.exited.then(() => alive.delete(launched));
      return launched;
    },
    advanceStorageClock(ms) {
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

/** Ends a process. SIGKILL also ends a stopped process. */
function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has already ended.
  }
}

function publishOutside(
  simulator: Simulator,
  { resourceId, vault, secretName, publishedOutside }: TestedGateway,
): void {
  if (publishedOutside === undefined) return;
  const version = {
    version: randomBytes(16).toString("hex"),
    value: simulator.keys(resourceId)[publishedOutside] ?? "",
    tags: {},
    created: Math.floor(Date.now() / 1000),
    enabled: true,
  };
  const secret = { name: secretName, versions: [version], deleted: false, managed: false };
  simulator.secrets(vault).set(secretName, secret);
}
