import { setTimeout as sleep } from "node:timers/promises";
import { createCredential } from "./azure/credential.ts";
import { createKeyVault } from "./azure/keyVault.ts";
import { createResourceManager } from "./azure/resourceManager.ts";
import { createTelemetry } from "./azure/telemetry.ts";
import type { AppSettings } from "./config/appSettings.ts";
import { loadConfiguration } from "./config/configuration.ts";
import { ConfigurationError } from "./config/configurationError.ts";
import type { Run } from "./domain/run.ts";
import type { Routes } from "./http/routes.ts";
import { quietPeriodMs, type Work } from "./rotation/services.ts";
import { readBacklog } from "./runs/backlog.ts";
import { driveRun } from "./runs/driveRun.ts";
import { resumeRuns } from "./runs/resume.ts";
import { RunFailedError } from "./runs/runFailedError.ts";
import { RunStorageError } from "./runs/runStorageError.ts";
import { createRun, describeAccess } from "./runs/runs.ts";

/** Where the application finds its settings and its gateways. */
export interface Environment {
  /** App settings, as the platform hands them out: environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The folder that holds host.json and gateways.json. */
  readonly directory: string;
}

/** What the application needs of one invocation; `InvocationContext` of `@azure/functions` has it. */
export interface Invocation {
  readonly invocationId: string;
  log(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

export interface App extends Routes<Invocation> {
  /**
   * Begins a run for every configured gateway and drives it as far as this invocation gets.
   *
   * @throws {ConfigurationError} with every problem of the configuration; nothing was called then.
   * @throws {RunStorageError} where the run could not be written down; no key was touched then.
   * @throws {RunFailedError} at the end, where a gateway failed; names each with its effect and next action.
   */
  rotateOnSchedule(invocation: Invocation): Promise<void>;
  /**
   * Goes on with every run that is not done, from what it stored: a wrong gateways.json does not stop it. Sends
   * `RotationHeartbeat`.
   *
   * @throws as `rotateOnSchedule` does.
   */
  resumeRotations(invocation: Invocation): Promise<void>;
}

/** Composition root: from the environment to the whole application. Clients live as long as it does. */
export function createApp(environment: Environment): App {
  let clients: Promise<Clients> | undefined;
  const { variables: env, directory } = environment;
  const load = () => loadConfiguration({ env, directory });

  async function invoke<T>(
    invocation: Invocation,
    settings: AppSettings,
    startedAt: number,
    work: (work: Work) => Promise<T>,
  ): Promise<T> {
    clients ??= createClients(settings);
    const { credential, ...azure } = await clients;
    const { callTimeoutMs, functionTimeoutMs, deploymentName } = settings;
    const telemetry = createTelemetry({
      ...telemetryTarget(settings, credential),
      flushTimeLimitMs: Math.min(callTimeoutMs, 10_000),
      deploymentName,
      log: (line) => invocation.log(line),
      error: (line) => invocation.error(line),
      warn: (line) => invocation.warn(line),
    });
    const clock = { now: Date.now, sleep };
    // Left before the platform ends the process: a last try to store (three calls), and telling of it.
    const deadline = startedAt + functionTimeoutMs - 4 * callTimeoutMs;
    try {
      return await work({
        services: {
          ...azure,
          inspector: azure.keys,
          events: telemetry,
          clock,
          newGuid: () => crypto.randomUUID(),
        },
        storage: { blobs: azure.blobs, clock, lastStart: deadline, callTimeoutMs },
        terms: {
          deploymentName,
          functionTimeoutMs,
          deadline,
          callTimeoutMs,
          concurrency: settings.rotationConcurrency,
        },
      });
    } finally {
      await telemetry.flush();
    }
  }

  /**
   * Gives the gateways once, and holds on to none: the run that is made of them has all that is needed, and lasts.
   *
   * @throws {ConfigurationError} with every problem of the configuration.
   */
  async function loadValid() {
    const loaded = await load();
    if (loaded.kind === "invalid") throw new ConfigurationError(loaded.problems);
    const { settings } = loaded.configuration;
    const gateways = [...loaded.configuration.gateways];
    return { settings, takeGateways: () => gateways.splice(0) };
  }

  const routes = () => import("./http/routes.ts").then(({ createRoutes }) => createRoutes({ load, invoke }));

  return {
    requestRotation: async (...call) => (await routes()).requestRotation(...call),
    readRotation: async (...call) => (await routes()).readRotation(...call),
    listGateways: async (...call) => (await routes()).listGateways(...call),
    async rotateOnSchedule(invocation) {
      const startedAt = Date.now();
      const { settings, takeGateways } = await loadValid();
      await invoke(invocation, settings, startedAt, async ({ services, storage, terms }) => {
        const quietMs = quietPeriodMs(terms);
        const created = await createRun(storage, scheduledRun(invocation), takeGateways(), quietMs);
        if (created.kind !== "created") throw new RunStorageError([describeAccess(created)]);
        const driven = await driveRun(services, storage, created.claimed, terms);
        if (driven.kind === "failed") throw new RunStorageError([driven.problem.message]);
        if (driven.result.failed.length > 0) throw new RunFailedError(driven.result);
      });
    },
    async resumeRotations(invocation) {
      const startedAt = Date.now();
      const loaded = await load();
      const settings = loaded.kind === "valid" ? loaded.configuration.settings : loaded.settings;
      if (settings === undefined)
        throw new ConfigurationError(loaded.kind === "invalid" ? loaded.problems : []);
      await invoke(invocation, settings, startedAt, async ({ services, storage, terms }) => {
        const { result, problems } = await resumeRuns(services, storage, terms);
        const configured = loaded.kind === "valid" ? loaded.configuration.gateways : undefined;
        const backlog = await readBacklog(storage, configured);
        if (backlog.kind === "read") services.events.emit({ name: "RotationHeartbeat", ...backlog.backlog });
        const told = backlog.kind === "failed" ? [...problems, backlog.problem.message] : problems;
        if (result.failed.length > 0) throw new RunFailedError(result, told);
        if (told.length > 0) throw new RunStorageError(told);
      });
    },
  };
}

type TokenCredential = ReturnType<typeof createCredential>;
type Clients = Awaited<ReturnType<typeof createClients>>;

/** Every run begins in storage: its SDK alone is loaded here, each other one by the first call that needs it. */
async function createClients(settings: AppSettings) {
  const { createBlobStorage } = await import("./azure/blobStorage.ts");
  const credential = createCredential(settings.azureClientId);
  const { callTimeoutMs } = settings;
  return {
    credential,
    keys: createResourceManager({ credential, ...settings.resourceManager, callTimeoutMs }),
    secrets: createKeyVault({ credential, callTimeoutMs }),
    blobs: createBlobStorage({
      credential,
      storage: settings.storage,
      container: "gateway-key-rotation",
      callTimeoutMs,
    }),
  };
}

/** The timer's payload does not name its occurrence reliably, so a scheduled run is named by its invocation. */
function scheduledRun({ invocationId }: Invocation): Run {
  return {
    id: `timer-${invocationId}`,
    trigger: "schedule",
    reason: "scheduled",
    requestedBy: "timer",
    mode: "standard",
    takeOwnership: false,
  };
}

/** Where local authentication is off, Application Insights takes telemetry only with a token. */
function telemetryTarget(settings: AppSettings, credential: TokenCredential) {
  const { applicationInsights } = settings;
  if (applicationInsights === undefined) return {};
  const { connectionString, authentication } = applicationInsights;
  if (authentication.kind === "instrumentation-key") return { connectionString };
  const { clientId = settings.azureClientId } = authentication;
  const own = clientId === settings.azureClientId;
  return { connectionString, credential: own ? credential : createCredential(clientId) };
}
