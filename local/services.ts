import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startAzurite } from "./azurite.ts";
import { writePast } from "./past.ts";
import {
  type GatewaysDocument,
  readSampleGateways,
  readSampleSettings,
  type Settings,
  vaultsOf,
  withVaultUrls,
} from "./sample.ts";
import { startSimulator } from "./simulator/simulator.ts";
import type { Simulator, SimulatorOptions } from "./simulator/types.ts";

export interface ServicesOptions {
  /**
   * They override the sample's settings and those made here; undefined removes a setting. With AzureWebJobsStorage,
   * Azurite is not started.
   */
  readonly settings?: Settings;
  /** The gateways and vaults that exist. Default: gateways.sample.json. */
  readonly gateways?: GatewaysDocument | undefined;
  /** Overrides the options that are derived from the gateways. */
  readonly simulator?: Partial<SimulatorOptions>;
  /** Its first vault also has months of history, of gateways that this machine does not rotate. */
  readonly past?: boolean;
}

/** The Azure services that the job needs, on 127.0.0.1. */
export interface Services {
  readonly simulator: Simulator;
  /** The app settings with the services' addresses. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the simulator and Azurite. If the start fails, everything that it started is stopped. */
export async function startServices(options: ServicesOptions = {}): Promise<Services> {
  await using cleanup = new AsyncDisposableStack();
  const sample = await readSampleSettings();
  const document = options.gateways ?? (await readSampleGateways());
  const azuriteStart = options.settings?.["AzureWebJobsStorage"] === undefined ? startAzurite() : undefined;
  // A handler is needed now: Azurite may fail while the simulator is still starting.
  const azurite = azuriteStart?.catch(() => undefined);
  cleanup.defer(async () => (await azurite)?.stop());

  const simulated = await startSimulatedServices(
    {
      vaults: vaultsOf(document),
      gateways: document.gateways.map(({ resourceId }) => resourceId),
      ...options.simulator,
    },
    options.past ?? false,
    cleanup,
  );
  const { simulator } = simulated;

  const settings = {
    ...sample,
    ...simulated.settings,
    AzureWebJobsStorage: (await azuriteStart)?.connectionString,
    GATEWAYS: JSON.stringify(withVaultUrls(document, simulator.vaultUrls)),
    RESOURCE_MANAGER_URL: simulator.resourceManagerUrl,
    APPLICATIONINSIGHTS_CONNECTION_STRING: simulator.applicationInsightsConnectionString,
    APPLICATION_INSIGHTS_NO_STATSBEAT: "1",
    ...options.settings,
  };
  const started = cleanup.move();
  return { simulator, settings: withoutUnset(settings), stop: () => started.disposeAsync() };
}

/**
 * Starts the simulator.
 *
 * @param past whether its first vault gets months of history
 * @returns also the sign-in to it and the trust in its certificate, as settings
 */
export async function startSimulatedServices(
  options: SimulatorOptions,
  past: boolean,
  cleanup: AsyncDisposableStack,
): Promise<Pick<Services, "simulator" | "settings">> {
  const simulator = await startSimulator(options);
  cleanup.defer(simulator.stop);
  const [vault] = options.vaults;
  if (past && vault !== undefined) writePast(simulator.secrets(vault));

  const folder = await mkdtemp(path.join(tmpdir(), "gateway-key-rotation-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const certificateFile = path.join(folder, "certificate.pem");
  await writeFile(certificateFile, simulator.certificatePem);
  const settings = {
    IDENTITY_ENDPOINT: simulator.identityEndpoint,
    IDENTITY_HEADER: simulator.identityHeader,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    NODE_EXTRA_CA_CERTS: certificateFile,
  };
  return { simulator, settings };
}

function withoutUnset(settings: Settings): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
