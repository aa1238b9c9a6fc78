import { setTimeout as sleep } from "node:timers/promises";
import { createCredential } from "./azure/credential.ts";
import { createKeyVault } from "./azure/keyVault.ts";
import { createResourceManager } from "./azure/resourceManager.ts";
import { createTelemetry } from "./azure/telemetry.ts";
import type { AppSettings } from "./config/appSettings.ts";
import { loadConfiguration } from "./config/configuration.ts";
import { ConfigurationError } from "./config/configurationError.ts";
import type { Run } from "./domain/events.ts";
import { rotateAll } from "./rotation/rotateAll.ts";
import { RunFailedError } from "./rotation/runFailedError.ts";

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

export interface App {
  /**
   * Rotates every gateway that is due.
   *
   * @throws {ConfigurationError} with every problem of the configuration; nothing was called then.
   * @throws {RunFailedError} at the end, where a gateway failed; names each with its effect and next action.
   */
  rotateOnSchedule(invocation: Invocation): Promise<void>;
}

/** Composition root: from the environment to the whole application. Clients live as long as it does. */
export function createApp(environment: Environment): App {
  let clients: Clients | undefined;

  async function rotateOnSchedule(invocation: Invocation): Promise<void> {
    const startedAt = Date.now();
    const loaded = await loadConfiguration({ env: environment.variables, directory: environment.directory });
    if (loaded.kind === "invalid") throw new ConfigurationError(loaded.problems);
    const { settings, gateways } = loaded.configuration;
    clients ??= createClients(settings);
    const { credential, keys, secrets } = clients;

    const { callTimeoutMs, functionTimeoutMs } = settings;
    const telemetry = createTelemetry({
      ...telemetryTarget(settings, credential),
      flushTimeLimitMs: Math.min(callTimeoutMs, 10_000),
      deploymentName: settings.deploymentName,
      log: (line) => invocation.log(line),
      error: (line) => invocation.error(line),
      warn: (line) => invocation.warn(line),
    });
    try {
      const result = await rotateAll(
        {
          keys,
          secrets,
          events: telemetry,
          clock: { now: Date.now, sleep },
          newGuid: () => crypto.randomUUID(),
        },
        gateways,
        {
          run: scheduledRun(invocation),
          deploymentName: settings.deploymentName,
          // Left before the platform ends the process: a last try to store (three calls), and telling of it.
          deadline: startedAt + functionTimeoutMs - 4 * callTimeoutMs,
          callTimeoutMs,
          concurrency: settings.rotationConcurrency,
        },
      );
      if (result.failed.length > 0) throw new RunFailedError(result);
    } finally {
      await telemetry.flush();
    }
  }

  return { rotateOnSchedule };
}

type TokenCredential = ReturnType<typeof createCredential>;
type Clients = ReturnType<typeof createClients>;

function createClients(settings: AppSettings) {
  const credential = createCredential(settings.azureClientId);
  const { callTimeoutMs } = settings;
  return {
    credential,
    keys: createResourceManager({ credential, ...settings.resourceManager, callTimeoutMs }),
    secrets: createKeyVault({ credential, callTimeoutMs }),
  };
}

/** The timer's payload does not name its occurrence reliably, so a scheduled run is named by its invocation. */
function scheduledRun({ invocationId }: Invocation): Run {
  return { id: `timer-${invocationId}`, trigger: "schedule", reason: "scheduled", requestedBy: "timer" };
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
