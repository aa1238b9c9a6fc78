import tls from "node:tls";
import type { TokenCredential } from "@azure/core-auth";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Simulator, SimulatorOptions } from "../../local/simulator/types.ts";
import { type Credential, createCredential } from "../../src/azure/credential.ts";
import { createKeyVault } from "../../src/azure/keyVault.ts";
import { createResourceManager } from "../../src/azure/resourceManager.ts";
import type { GatewayKeys } from "../../src/domain/attempt.ts";
import type { TargetInspector } from "../../src/domain/inspection.ts";
import type { SecretStore } from "../../src/domain/secretStore.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "./gateways.ts";

export const canary = "CANARY7f3a9";

/** The simulator and the product's own clients for it, with the real SDKs, over HTTPS, with tokens. */
export interface TestAzure {
  readonly simulator: Simulator;
  readonly credential: Credential;
  readonly keys: GatewayKeys & TargetInspector;
  readonly secrets: SecretStore;
  /** URLs of the two vaults. */
  readonly contoso: string;
  readonly fabrikam: string;
}

/** What the engine reckons with, so that tests of its times stay short. */
export const callTimeoutMs = 700;

/** The limit of the clients: a call takes 20 ms, and on a busy machine may not time out. */
export const clientTimeoutMs = 5_000;

export async function startAzure(options: Partial<SimulatorOptions> = {}): Promise<TestAzure> {
  const simulator = await startSimulator({
    vaults: ["contoso-keys", "fabrikam-keys"],
    gateways: [gatewayTarget.resourceId, runtimeTarget.resourceId, synapseTarget.resourceId],
    canary,
    ...options,
  });
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), simulator.certificatePem]);
  process.env["IDENTITY_ENDPOINT"] = simulator.identityEndpoint;
  process.env["IDENTITY_HEADER"] = simulator.identityHeader;
  process.env["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential";
  const credential = createCredential(undefined);
  // Loaded here, so that no test's first call loads it within its time limit.
  await import("../../src/azure/defaultCredential.ts");
  return {
    simulator,
    credential,
    ...createClients(simulator, credential),
    contoso: vaultUrl(simulator, "contoso-keys"),
    fabrikam: vaultUrl(simulator, "fabrikam-keys"),
  };
}

/** New clients, which have not answered Key Vault's challenge yet. */
export function createClients(simulator: Simulator, credential: Credential) {
  return {
    keys: createResourceManager({
      credential,
      url: simulator.resourceManagerUrl,
      scope: "https://management.azure.com/.default",
      callTimeoutMs: clientTimeoutMs,
    }),
    secrets: createKeyVault({ credential, callTimeoutMs: clientTimeoutMs }),
  };
}

/** A credential whose tokens are never refused. */
export const credentialOf = (getToken: TokenCredential["getToken"]): Credential => ({
  getToken,
  refused: () => false,
});

function vaultUrl(simulator: Simulator, name: string): string {
  const url = simulator.vaultUrls[name];
  if (url === undefined) throw new Error(`The simulator has no vault ${name}`);
  return url;
}
