import { randomUUID } from "node:crypto";
import { createServerCertificate } from "../certificate.ts";
import type { Service } from "./exchange.ts";
import { createFaultRules } from "./faults.ts";
import { createGateways, type SimulatedGateway } from "./gateways.ts";
import { createIdentity, identityPath, sharedIdentity } from "./identity.ts";
import { createIngestion } from "./ingestion.ts";
import { createManagementApi } from "./managementApi.ts";
import { createSecrets, type Secrets } from "./secrets.ts";
import { createSecretsApi } from "./secretsApi.ts";
import { type RunningServer, type ServerOptions, startServer } from "./server.ts";
import type { RecordedRequest, Simulator, SimulatorOptions } from "./types.ts";

/**
 * Starts all services on 127.0.0.1. Everything is in memory and is gone after `stop()`.
 *
 * @throws TypeError if a resource id is not that of a gateway
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const certificate = await createServerCertificate();
  const faults = createFaultRules();
  const requests: RecordedRequest[] = [];
  const telemetry: unknown[] = [];
  let time: number | undefined;
  const now = () => time ?? Date.now();
  const gateways = createGateways(options, now);
  const vaults = new Map(options.vaults.map((name) => [name, createSecrets(now)]));
  const running: RunningServer[] = [];

  async function stop(): Promise<void> {
    await Promise.all(running.map((server) => server.stop()));
  }

  async function start(service: Service, own: Partial<ServerOptions> = {}): Promise<string> {
    const server = await startServer({ service, certificate, faults, requests, ...own });
    running.push(server);
    return server.origin;
  }

  async function startVaults(): Promise<Record<string, string>> {
    const urls: Record<string, string> = {};
    for (const [name, secrets] of vaults) {
      urls[name] = await start(createSecretsApi(name, secrets));
    }
    return urls;
  }

  function existing(resourceId: string): SimulatedGateway {
    const gateway = gateways.find(resourceId);
    if (gateway === undefined) throw new TypeError(`The simulator has no gateway ${resourceId}`);
    return gateway;
  }

  function existingVault(name: string): Secrets {
    const secrets = vaults.get(name);
    if (secrets === undefined) throw new TypeError(`The simulator has no vault ${name}`);
    return secrets;
  }

  try {
    const resourceManagerUrl = await start(createManagementApi(gateways, options));
    const vaultUrls = await startVaults();
    const plainHttp = { certificate: undefined, preferredPort: sharedIdentity.port };
    const identityUrl = await start(createIdentity(), plainHttp);
    sharedIdentity.port = Number(new URL(identityUrl).port);
    const ingestionUrl = await start(createIngestion(telemetry));
    return {
      resourceManagerUrl,
      vaultUrls,
      identityEndpoint: identityUrl + identityPath,
      identityHeader: sharedIdentity.header,
      applicationInsightsConnectionString: [
        `InstrumentationKey=${randomUUID()}`,
        `IngestionEndpoint=${ingestionUrl}/`,
        `LiveEndpoint=${ingestionUrl}/`,
      ].join(";"),
      certificatePem: certificate.cert,
      requests,
      telemetry,
      inject: faults.inject,
      clearFaults: faults.clear,
      accepts: (resourceId, key) => [...existing(resourceId).keys.values()].includes(key.trim()),
      registerHost: (resourceId, key) => gateways.registerHost(existing(resourceId), key),
      keys: (resourceId) => Object.fromEntries(existing(resourceId).keys),
      secrets: (vault) => existingVault(vault).byName,
      setTime(ms) {
        time = ms;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
