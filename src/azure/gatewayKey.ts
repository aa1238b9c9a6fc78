import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { createSerializer, type OperationOptions, type OperationSpec } from "@azure/core-client";
import type { GatewayTarget } from "../domain/target.ts";

const required = (parameterPath: string, name = parameterPath) =>
  ({
    parameterPath,
    mapper: { serializedName: name, required: true, type: { name: "String" } },
  }) as const;

/**
 * "Regenerate a Gateway Key" of Data Factory version 1 (REST reference, 2016-07-21), which
 * `@azure/arm-datafactory` does not have. `POST` without a body; the path's casing is the reference's own
 * (`resourcegroups`, `datafactories`); the header `x-ms-client-request-id` is required and is set by the
 * caller. The answer's body is left as it came: SDK models would turn a missing key into `undefined` unseen.
 */
const regenerateGatewayKeySpec: OperationSpec = {
  httpMethod: "POST",
  path: "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}/providers/Microsoft.DataFactory/datafactories/{dataFactoryName}/gateways/{gatewayName}/regeneratekey",
  urlParameters: [
    required("subscriptionId"),
    required("resourceGroupName"),
    required("dataFactoryName"),
    required("gatewayName"),
  ],
  queryParameters: [
    {
      parameterPath: "apiVersion",
      mapper: {
        serializedName: "api-version",
        isConstant: true,
        defaultValue: "2015-10-01",
        type: { name: "String" },
      },
    },
  ],
  headerParameters: [
    {
      parameterPath: "accept",
      mapper: {
        serializedName: "Accept",
        isConstant: true,
        defaultValue: "application/json",
        type: { name: "String" },
      },
    },
  ],
  responses: { 200: { bodyMapper: { type: { name: "any" } } }, default: {} },
  serializer: createSerializer(),
};

/** The `key` of the answer, whatever it is. Throws what the SDK throws on every status but 200. */
export async function regenerateGatewayKey(
  client: DataFactoryManagementClient,
  target: GatewayTarget,
  options: OperationOptions,
): Promise<unknown> {
  const { subscriptionId, resourceGroupName, dataFactoryName, gatewayName } = target;
  const body: unknown = await client.sendOperationRequest(
    { subscriptionId, resourceGroupName, dataFactoryName, gatewayName, options },
    regenerateGatewayKeySpec,
  );
  return typeof body === "object" && body !== null ? Reflect.get(body, "key") : undefined;
}
