import tls from "node:tls";
import { afterEach } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import type { Simulator, SimulatorOptions } from "../../local/simulator/types.ts";

const factories =
  "/subscriptions/4c3e7a52-0f6f-4d8e-8f0a-52a1c4d9b001/resourceGroups/rg-data/providers/Microsoft.DataFactory";

export const gateway = `${factories}/datafactories/test/gateways/gatewaytest`;
export const otherGateway = `${factories}/datafactories/test/gateways/other`;
export const runtime = `${factories}/factories/f/integrationRuntimes/warehouse`;

export const resourceManagerAudience = "https://management.azure.com";
export const vaultAudience = "https://vault.azure.net";

const started: Simulator[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((simulator) => simulator.stop()));
});

/** Starts a simulator that this process trusts; it is stopped after the test. */
export async function simulated(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({
    vaults: ["contoso"],
    gateways: [gateway, otherGateway, runtime],
    ...options,
  });
  started.push(simulator);
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), simulator.certificatePem]);
  return simulator;
}

/** The headers of a caller with a valid token. */
export async function signedIn(
  { identityEndpoint, identityHeader }: Simulator,
  audience: string,
): Promise<Record<string, string>> {
  const response = await fetch(`${identityEndpoint}?resource=${audience}&api-version=2019-08-01`, {
    headers: { "X-IDENTITY-HEADER": identityHeader },
  });
  const { access_token: token } = (await response.json()) as { readonly access_token: string };
  return { authorization: `Bearer ${token}`, "x-ms-client-request-id": crypto.randomUUID() };
}

/** Calls Resource Manager with a token and with the api-version of the operation. */
export async function callResourceManager(
  simulator: Simulator,
  path: string,
  request: RequestInit & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const apiVersion = path.toLowerCase().includes("/datafactories/") ? "2015-10-01" : "2018-06-01";
  const query = path.includes("?") ? "" : `?api-version=${apiVersion}`;
  return fetch(`${simulator.resourceManagerUrl}${path}${query}`, {
    method: "POST",
    ...request,
    headers: { ...(await signedIn(simulator, resourceManagerAudience)), ...request.headers },
  });
}

export function regenerate(simulator: Simulator, resourceId = gateway): Promise<Response> {
  return callResourceManager(simulator, `${resourceId}/regeneratekey`);
}

/** The error in `{"error":{…}}`. */
export async function errorOf(response: Response): Promise<{
  readonly code: string;
  readonly message: string;
  readonly innererror?: { readonly code: string };
}> {
  const { error } = (await response.json()) as { readonly error: { code: string; message: string } };
  return error;
}
