import { parsedBody, ServiceError, type ServiceRequest } from "./exchange.ts";
import type { SimulatedGateway, SimulatedGateways } from "./gateways.ts";

/** One operation of Resource Manager on a gateway or an integration runtime. */
export interface Operation {
  readonly method: "GET" | "POST";
  /** Of the resource id and what follows it: namespace and types, without names, in lower case. */
  readonly path: string;
  readonly apiVersions: readonly string[];
  /** Whether the request needs `x-ms-client-request-id` with a GUID. */
  readonly needsClientRequestId?: true;
  /** @returns the body of the 200 */
  run(gateway: SimulatedGateway, request: ServiceRequest): unknown;
}

const permissions = "providers/microsoft.authorization/permissions";
const authorizationVersions = ["2015-07-01", "2018-07-01", "2022-04-01"];

/** The operations on every kind of gateway. */
export function createOperations(gateways: SimulatedGateways): readonly Operation[] {
  const apiVersions = ["2015-10-01"];
  const path = "microsoft.datafactory/datafactories/gateways";
  return [
    {
      method: "POST",
      path: `${path}/regeneratekey`,
      apiVersions,
      needsClientRequestId: true,
      run(gateway, request) {
        if (request.body !== "") throw badRequest("The operation takes no request body.");
        gateways.regenerate(gateway, "key");
        return { key: gateways.handOut(gateway, "key") };
      },
    },
    {
      method: "GET",
      path,
      apiVersions,
      needsClientRequestId: true,
      run: ({ name, host: { registeredAt, lostAt } }) => ({
        name,
        properties: {
          provisioningState: "Succeeded",
          // What Azure shows between a regenerate and the host's registration is not documented.
          status: lostAt === undefined ? "Online" : "NeedRegistration",
          versionStatus: "UpToDate",
          registerTime: registeredAt.toISOString(),
          lastConnectTime: (lostAt ?? new Date()).toISOString(),
        },
      }),
    },
    {
      method: "GET",
      path: `${path}/${permissions}`,
      apiVersions: authorizationVersions,
      run: () => permitted("Microsoft.DataFactory/datafactories/gateways/*"),
    },
    ...runtimeOperations(gateways, "Microsoft.DataFactory/factories/integrationRuntimes", ["2018-06-01"]),
    ...runtimeOperations(gateways, "Microsoft.Synapse/workspaces/integrationRuntimes", [
      "2021-06-01-preview",
    ]),
  ];
}

/** Data Factory and Synapse have the same operations on integration runtimes. */
function runtimeOperations(
  gateways: SimulatedGateways,
  type: string,
  apiVersions: readonly string[],
): readonly Operation[] {
  const path = type.toLowerCase();
  return [
    {
      method: "POST",
      path: `${path}/regenerateauthkey`,
      apiVersions,
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
      path: `${path}/listauthkeys`,
      apiVersions,
      run: (gateway) => ({
        authKey1: gateways.handOut(gateway, "authKey1"),
        authKey2: gateways.handOut(gateway, "authKey2"),
      }),
    },
    {
      method: "GET",
      path,
      apiVersions,
      run: ({ resourceId, name, properties }) => ({
        id: resourceId,
        name,
        type: type.replace("Runtimes", "runtimes"),
        properties,
      }),
    },
    {
      method: "GET",
      path: `${path}/${permissions}`,
      apiVersions: authorizationVersions,
      run: () => permitted(`${type}/*`),
    },
  ];
}

/** @throws ServiceError if the request names no api-version of the operation */
export function checkApiVersion({ apiVersions }: Operation, asked: string | null): void {
  const supported = `The supported api-versions are '${apiVersions.join(", ")}'.`;
  if (asked === null) {
    const message = "The api-version query parameter (?api-version=) is required for all requests.";
    throw new ServiceError(400, "MissingApiVersionParameter", message);
  }
  if (!apiVersions.includes(asked)) {
    const message = `No registered resource provider found for API version '${asked}'. ${supported}`;
    throw new ServiceError(400, "NoRegisteredProviderFound", message);
  }
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
