import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { OperationOptions } from "@azure/core-client";
import { createPipelineRequest, type PipelineResponse } from "@azure/core-rest-pipeline";
import * as z from "zod/mini";
import type { Permission, TargetDescription } from "../domain/inspection.ts";
import type { Target } from "../domain/target.ts";

const Runtime = z.object({
  properties: z.object({
    type: z.string(),
    typeProperties: z.optional(z.partial(z.object({ linkedInfo: z.unknown() }))),
  }),
});

/**
 * Whether a target is there and has keys of its own. A linked runtime has `typeProperties.linkedInfo`
 * (azure-rest-api-specs, `LinkedIntegrationRuntimeType`). Throws on every status but 200.
 */
export async function describeTarget(
  client: DataFactoryManagementClient,
  target: Target,
  options: OperationOptions,
): Promise<Exclude<TargetDescription["kind"], "failed">> {
  const version = target.kind === "gatewayV1" ? "2015-10-01" : "2018-06-01";
  const body = await get(client, `${client.$host}${target.resourceId}?api-version=${version}`, options);
  if (target.kind === "gatewayV1") return "ready";
  const { type, typeProperties } = Runtime.parse(body).properties;
  if (type !== "SelfHosted") return "managed";
  return typeProperties?.linkedInfo == null ? "ready" : "linked";
}

const Permissions = z.object({
  value: z.array(
    z.object({
      actions: z._default(z.array(z.string()), []),
      notActions: z._default(z.array(z.string()), []),
    }),
  ),
  nextLink: z.nullish(z.string()),
});

/**
 * What the caller may do with a target, from all roles at all scopes above it.
 *
 * @see https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
 */
export async function listPermissions(
  client: DataFactoryManagementClient,
  target: Target,
  options: OperationOptions,
): Promise<readonly Permission[]> {
  const permissions: Permission[] = [];
  const first = `${client.$host}${target.resourceId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`;
  for (let url: string | null | undefined = first; url != null; ) {
    const page: z.infer<typeof Permissions> = Permissions.parse(await get(client, url, options));
    permissions.push(...page.value);
    url = page.nextLink;
    // Our token goes there.
    if (url != null && new URL(url).origin !== new URL(client.$host).origin)
      throw new Error("The next page of permissions is somewhere else.");
  }
  return permissions;
}

/** Version 1's gateways and permissions are not in the SDK; its pipeline has all that a read needs. */
async function get(
  client: DataFactoryManagementClient,
  url: string,
  { abortSignal, requestOptions }: OperationOptions,
): Promise<unknown> {
  const request = createPipelineRequest({ url, method: "GET", ...(abortSignal && { abortSignal }) });
  request.headers.set("accept", "application/json");
  for (const [name, value] of Object.entries(requestOptions?.customHeaders ?? {}))
    request.headers.set(name, value);
  const response: PipelineResponse = await client.sendRequest(request);
  if (response.status !== 200) throw new Error(`Resource Manager answered ${response.status}.`);
  return JSON.parse(response.bodyAsText ?? "");
}
