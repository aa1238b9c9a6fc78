import { setTimeout as sleep } from "node:timers/promises";
import { createCredential } from "./azure/credential.ts";
import { createKeyVault } from "./azure/keyVault.ts";
import { createResourceManager } from "./azure/resourceManager.ts";
import { createTelemetry } from "./azure/telemetry.ts";
import type { AppSettings } from "./config/appSettings.ts";
import { type AppEnvironment, loadConfiguration } from "./config/configuration.ts";
import { ConfigurationError } from "./config/configurationProblem.ts";
import { isLateTick, nextTickOf } from "./config/schedule.ts";
import type { Run } from "./domain/target.ts";
import type { Invocation } from "./http/exchange.ts";
import type { Routes, RoutesTerms } from "./http/routes.ts";
import { driveRun } from "./runs/driveRun.ts";
import { RunFailedError, type RunResult } from "./runs/rotateAll.ts";
import { blobUnreadable, type CreatedRun, createRun, storageFailed } from "./runs/runs.ts";

/** The whole application: the HTTP routes, and what the two timers call. */
export interface App extends Routes {
  /**
   * Starts a run for every configured gateway, and drives it as far as the invocation's time allows.
   *
   * @param tick `isPastDue`: the functions host fires a tick that it missed
   * @throws {ConfigurationError} with every problem of the configuration; no service was called
   * @throws {RunFailedError} if the run could not be written, or at the end if a gateway failed; it lists each failed
   * gateway with the effect and the next action
   */
  rotateOnSchedule(invocation: Invocation, tick: { readonly isPastDue: boolean }): Promise<void>;
  /**
   * Continues every open run from what the run stored: a wrong gateways.json does not stop it. Then sends
   * `RotationHeartbeat`.
   *
   * @throws {ConfigurationError} if the app settings are wrong; no service was called
   * @throws {RunFailedError} at the end, if a run could not be read or written, or a gateway failed; it lists each problem
   * with its next action
   */
  resumeRotations(invocation: Invocation): Promise<void>;
}

/** Composition root: makes the application from its environment. Its clients live as long as the application. */
export function createApp(environment: AppEnvironment): App {
  let clients: Clients | undefined;
  const load = () => loadConfiguration(environment);

  const invoke: RoutesTerms["invoke"] = async (invocation, settings, startedAt, work) => {
    // Every run begins in storage, so storage's SDK is loaded here. The first call that needs another SDK loads that.
    const storage = await import("./azure/blobStorage.ts");
    clients ??= createClients(settings, storage);
    const { blobsUntil, applicationInsights, ...azure } = clients;
    const { callTimeoutMs, functionTimeoutMs, deploymentName } = settings;
    const telemetry = createTelemetry({
      ...applicationInsights,
      flushTimeLimitMs: Math.min(callTimeoutMs, 10_000),
      deploymentName,
      traceParent: invocation.traceContext?.traceParent,
      logger: invocation,
    });
    const clock = { now: Date.now, sleep };
    // Telemetry is sent after the last call to storage.
    const blobs = blobsUntil(startedAt + functionTimeoutMs - callTimeoutMs);
    // The margin before the platform ends the process: a last try to store (three calls), and its telemetry (one).
    const deadline = startedAt + functionTimeoutMs - 4 * callTimeoutMs;
    try {
      return await work({
        services: {
          ...azure,
          blobs,
          inspector: azure.keys,
          events: telemetry,
          clock,
          newGuid: () => crypto.randomUUID(),
          random: Math.random,
        },
        storage: { blobs, clock, lastStart: deadline, callTimeoutMs },
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
  };

  /**
   * `takeGateways` returns the gateways once and keeps no reference to them: the run holds all that it needs, and 10,000
   * gateways take much memory.
   *
   * @throws {ConfigurationError} with every problem of the configuration
   */
  async function loadValid() {
    const loaded = await load();
    if (loaded.kind === "invalid") throw new ConfigurationError(loaded.problems);
    const { settings } = loaded;
    const gateways = [...loaded.gateways];
    return { settings, takeGateways: () => gateways.splice(0) };
  }

  const routes = () => import("./http/routes.ts").then(({ createRoutes }) => createRoutes({ load, invoke }));

  return {
    requestRotation: async (...call) => (await routes()).requestRotation(...call),
    readRotation: async (...call) => (await routes()).readRotation(...call),
    listGateways: async (...call) => (await routes()).listGateways(...call),
    async rotateOnSchedule(invocation, { isPastDue }) {
      const startedAt = Date.now();
      const { settings, takeGateways } = await loadValid();
      await invoke(invocation, settings, startedAt, async ({ services, storage, terms }) => {
        const run: Run = {
          // The timer's payload does not name its occurrence reliably.
          id: `timer-${invocation.invocationId}`,
          trigger: "schedule",
          reason: "scheduled",
          requestedBy: "timer",
          mode: "standard",
          takeOwnership: false,
          isLate: isLateTick(settings.rotationSchedule, isPastDue, startedAt),
        };
        const created = await createRun(storage, { ...run, driver: services.newGuid() }, takeGateways);
        if (created.kind !== "created") throw new RunFailedError(undefined, [whyNotBegun(created)]);
        const driven = await driveRun(services, storage, created, terms);
        const problems =
          driven.kind === "failed" ? [storageFailed("The run could not be recorded", driven.problem)] : [];
        failIfAny(driven.result, problems);
      });
    },
    async resumeRotations(invocation) {
      const startedAt = Date.now();
      const loaded = await load();
      if (loaded.settings === undefined) throw new ConfigurationError(loaded.problems);
      const { settings } = loaded;
      await invoke(invocation, settings, startedAt, async ({ services, storage, terms }) => {
        const [{ resumeRuns }, { backlogOf }, { readHosts }] = await Promise.all([
          import("./runs/resume.ts"),
          import("./runs/gatewayStates.ts"),
          import("./runs/readHosts.ts"),
        ]);
        const configured = loaded.kind === "valid" ? loaded.gateways : undefined;
        const { result, problems, journals } = await resumeRuns(services, storage, terms, configured);
        if (journals.kind === "read") {
          services.events.emit({
            name: "RotationHeartbeat",
            ...backlogOf(journals, configured, nextTickOf(settings.rotationSchedule)),
          });
          await readHosts(services, storage, terms, configured ?? [], journals);
        }
        failIfAny(result, problems);
      });
    },
  };
}

function failIfAny(result: RunResult, problems: readonly string[]): void {
  if (result.failed.length + problems.length > 0) throw new RunFailedError(result, problems);
}

function whyNotBegun(created: Exclude<CreatedRun, { kind: "created" }>): string {
  switch (created.kind) {
    case "failed":
      return storageFailed("The run could not be written", created.problem);
    case "unreadable":
      return blobUnreadable(created.blob);
    case "found":
      return "Another invocation with the same id has begun the same run.";
  }
}

type Clients = ReturnType<typeof createClients>;

function createClients(
  settings: AppSettings,
  { createBlobStorage }: typeof import("./azure/blobStorage.ts"),
) {
  const { azureClientId, callTimeoutMs, storage, resourceManager, telemetryAuthentication } = settings;
  const credential = createCredential(azureClientId);
  /** The shared credential, unless the service has an identity of its own. */
  const credentialOf = (clientId: string | undefined) =>
    clientId === undefined || clientId === azureClientId ? credential : createCredential(clientId);
  return {
    keys: createResourceManager({ credential, ...resourceManager, callTimeoutMs }),
    secrets: createKeyVault({ credential, callTimeoutMs }),
    blobsUntil: createBlobStorage({
      credential: credentialOf("clientId" in storage ? storage.clientId : undefined),
      storage,
      container: "gateway-key-rotation",
      callTimeoutMs,
    }),
    /** Where local authentication is off, Application Insights accepts telemetry only with a token. */
    applicationInsights: {
      connectionString: settings.telemetryConnectionString,
      credential: telemetryAuthentication && credentialOf(telemetryAuthentication.clientId),
    },
  };
}
