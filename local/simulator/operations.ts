import { parsedBody, ServiceError, type ServiceRequest } from "./exchange.ts";
import type { SimulatedGateway, SimulatedGateways } from "./gateways.ts";

/** One operation of Resource Manager on a gateway or an integration runtime. */
export interface Operation {
  readonly method: "GET" | "POST";
  /** The path after the provider, without names, in lower case. */
  readonly path: string;
  readonly apiVersions: readonly string[];
  /** Whether the request needs `x-ms-client-request-id` with a GUID. */
  readonly needsClientRequestId?: true;
  /** @returns the body of the 200 */
  run(gateway: SimulatedGateway, request: ServiceRequest): unknown;
}

/** Data Factory's operations on gateways (version 1) and integration runtimes (version 2). */
export function createOperations(gateways: SimulatedGateways): readonly Operation[] {
  const version1 = ["2015-10-01"];
  const version2 = ["2018-06-01"];
  const authorization = ["2015-07-01", "2018-07-01", "2022-04-01"];
  const permissions = "providers/microsoft.authorization/permissions";
  return [
    {
      method: "POST",
      path: "datafactories/gateways/regeneratekey",
      apiVersions: version1,
      needsClientRequestId: true,
      run(gateway, request) {
        if (request.body !== "") throw badRequest("The operation takes no request body.");
        gateways.regenerate(gateway, "key");
        return { key: gateways.handOut(gateway, "key") };
      },
    },
    {
      method: "GET",
      path: "datafactories/gateways",
      apiVersions: version1,
      needsClientRequestId: true,
      run: ({ name }) => ({ name, properties: { status: "Online", provisioningState: "Succeeded" } }),
    },
    {
      method: "POST",
      path: "factories/integrationruntimes/regenerateauthkey",
      apiVersions: version2,
      run(gateway, request) {
        const slot = requestedSlot(request);
        if (!gateways.regenerate(gateway, slot)) {
          throw badRequest(`The value '${slot}' of keyName is neither authKey1 nor authKey2.`);
        }
        return { [slot]: gateways.handOut(gateway, slot) };
      },
    },
    {
      method: "POST",
      path: "factories/integrationruntimes/listauthkeys",
      apiVersions: version2,
      run: (gateway) => ({
        authKey1: gateways.handOut(gateway, "authKey1"),
        authKey2: gateways.handOut(gateway, "authKey2"),
      }),
    },
    {
      method: "GET",
      path: "factories/integrationruntimes",
      apiVersions: version2,
      run: ({ resourceId, name }) => ({
        id: resourceId,
        name,
        type: "Microsoft.DataFactory/factories/integrationruntimes",
        // The real service may send `null` here.
        properties: { type: "SelfHosted", typeProperties: null },
      }),
    },
    {
      method: "GET",
      path: `datafactories/gateways/${permissions}`,
      apiVersions: authorization,
      run: () => permitted("Microsoft.DataFactory/datafactories/gateways/*"),
    },
    {
      method: "GET",
      path: `factories/integrationruntimes/${permissions}`,
      apiVersions: authorization,
      run: () => permitted("Microsoft.DataFactory/factories/integrationRuntimes/*"),
    },
  ];
}

function requestedSlot(request: ServiceRequest): string {
  const body = parsedBody(request);
  if (typeof body !== "object" || body === null || !("keyName" in body) || typeof body.keyName !== "string") {
    throw badRequest('The body must be {"keyName":"authKey1"} or {"keyName":"authKey2"}.');
  }
  return body.keyName;
}

function permitted(action: string): unknown {
  return { value: [{ actions: [action], notActions: [], dataActions: [], notDataActions: [] }] };
}

function badRequest(message: string): ServiceError {
  return new ServiceError(400, "BadRequest", message);
}
