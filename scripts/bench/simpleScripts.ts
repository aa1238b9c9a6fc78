import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { TokenCredential } from "@azure/core-auth";
import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from "@azure/core-rest-pipeline";
import { SecretClient } from "@azure/keyvault-secrets";
import type { Admission, BenchAzure } from "./azure.ts";
import type { FleetGateway } from "./fleet.ts";
import { virtualTimers } from "./virtualClock.ts";

/** What such a script has rotated. */
export interface ScriptResult {
  readonly rotated: number;
  readonly failed: number;
}

type Script = (azure: BenchAzure, fleet: readonly FleetGateway[]) => Promise<ScriptResult>;

type Rotate = (gateway: FleetGateway) => Promise<boolean>;

/** One gateway after the other, on the SDK as it comes. */
export const sequentialLoop = inVirtualTime(async (rotate, fleet) => {
  const done: boolean[] = [];
  for (const gateway of fleet) done.push(await rotate(gateway));
  return done;
});

/** All gateways at once, on the SDK as it comes. */
export const promiseAll = inVirtualTime((rotate, fleet) => Promise.all(fleet.map(rotate)));

function inVirtualTime(
  rotateAll: (rotate: Rotate, fleet: readonly FleetGateway[]) => Promise<readonly boolean[]>,
): Script {
  return async (azure, fleet) => {
    const restore = virtualTimers(azure.clock);
    try {
      const done = await azure.clock.run(rotateAll(createRotate(azure), fleet));
      const rotated = done.filter(Boolean).length;
      return { rotated, failed: fleet.length - rotated };
    } finally {
      restore();
    }
  };
}

/** Regenerate, then store: two calls, with the SDK's own retries. Only its network and its timers are the model's. */
function createRotate(azure: BenchAzure): Rotate {
  const httpClient = createHttpClient(azure);
  const clients = new Map<string, DataFactoryManagementClient>();
  const vaults = new Map<string, SecretClient>();

  return async ({ target, secret }) => {
    const { subscriptionId, resourceGroupName, parentName, name } = target;
    const client =
      clients.get(subscriptionId) ??
      new DataFactoryManagementClient(credential, subscriptionId, { httpClient });
    clients.set(subscriptionId, client);
    const vault =
      vaults.get(secret.vaultUrl) ?? new SecretClient(secret.vaultUrl, credential, { httpClient });
    vaults.set(secret.vaultUrl, vault);
    try {
      const { authKey2 = "" } = await client.integrationRuntimes.regenerateAuthKey(
        resourceGroupName,
        parentName,
        name,
        { keyName: "authKey2" },
      );
      await vault.setSecret(secret.secretName, authKey2);
      return true;
    } catch {
      return false;
    }
  };
}

const credential: TokenCredential = {
  getToken: () => Promise.resolve({ token: "token", expiresOnTimestamp: Number.MAX_SAFE_INTEGER }),
};

/** Answers as Resource Manager and Key Vault do, as far as limits and the SDK's retries are concerned. */
function createHttpClient(azure: BenchAzure): HttpClient {
  function answer(request: PipelineRequest): Omit<PipelineResponse, "request"> {
    const { hostname, pathname, origin } = new URL(request.url);
    if (hostname !== "management.azure.com") {
      if (!request.headers.has("authorization")) return challenge(hostname);
      const id = `${origin}${pathname}/${"0".repeat(32)}`;
      const body = { value: "key", id, attributes: { created: 1_790_000_000 } };
      return admitted(azure.takeVersion(origin), body);
    }
    const admission = azure.takeWrite(pathname.split("/")[2] ?? "");
    return admitted(admission, { authKey2: "key" });
  }

  return {
    async sendRequest(request) {
      await azure.travel();
      const response = answer(request);
      await azure.travel();
      return { ...response, request };
    },
  };
}

function challenge(hostname: string): Omit<PipelineResponse, "request"> {
  const domain = hostname.split(".").slice(1).join(".");
  const value = `Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://${domain}"`;
  return { status: 401, headers: createHttpHeaders({ "www-authenticate": value }), bodyAsText: "{}" };
}

function admitted(admission: Admission, body: object): Omit<PipelineResponse, "request"> {
  if (admission.kind === "taken")
    return { status: 200, headers: createHttpHeaders(), bodyAsText: JSON.stringify(body) };
  const headers = createHttpHeaders({ "retry-after": String(admission.retryAfterMs / 1000) });
  return { status: 429, headers, bodyAsText: '{"error":{"code":"TooManyRequests","message":""}}' };
}
