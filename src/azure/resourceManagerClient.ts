import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { OperationOptions } from "@azure/core-client";
import * as z from "zod/mini";
import type { Permission } from "../domain/inspection.ts";
import type { KeySlot, OneKeyTarget, Target, TwoKeyTarget } from "../domain/target.ts";
import type { Credential } from "./credential.ts";
import { requestList } from "./gatewayKinds/kindRequests.ts";
import { requestsByKind } from "./gatewayKinds/requestsByKind.ts";
import { userAgent, wirePolicy } from "./wire.ts";

export interface ResourceManagerClientOptions {
  readonly credential: Credential;
  /** `https://management.azure.com`, or that of a sovereign cloud. */
  readonly url: string;
  /** The token scope that belongs to the URL. */
  readonly scope: string;
}

/**
 * Opens the pipeline that all subscriptions and all kinds of gateways share: one token, user agent and log, no redirects.
 *
 * @param retryOptions of the SDK's own retries
 */
export function openPipeline(
  { credential, url, scope }: ResourceManagerClientOptions,
  retryOptions: { readonly maxRetries: number },
) {
  const options = {
    endpoint: url,
    $host: url,
    credentialScopes: scope,
    retryOptions,
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: userAgent },
  };
  // A client makes its own pipeline, unless it is given one. Nothing in the pipeline is of a subscription.
  const { pipeline } = new DataFactoryManagementClient(credential, "", options);
  pipeline.addPolicy(wirePolicy(credential.refused), { afterPhase: "Sign" });
  return {
    pipeline,
    clientFor: (subscriptionId: string) =>
      new DataFactoryManagementClient(credential, subscriptionId, { ...options, pipeline }),
  };
}

/** The requests to Resource Manager. Each throws what the SDK throws. */
export type ResourceManagerClient = ReturnType<typeof openResourceManagerClient>;

/** Opens the requests, without the SDK's retries. A module of its own, so that the bundle loads the SDK lazily. */
export function openResourceManagerClient(options: ResourceManagerClientOptions) {
  const { clientFor } = openPipeline(options, { maxRetries: 0 });
  const clientOf = ({ subscriptionId }: Target) => clientFor(subscriptionId);
  return {
    regenerate: (target: Target, slot: KeySlot, options: OperationOptions) =>
      requestsByKind[target.kind].regenerate(clientOf(target), target, slot, options),
    listKeys: (target: TwoKeyTarget, options: OperationOptions) =>
      requestsByKind[target.kind].listKeys(clientOf(target), target, options),
    async describe(target: Target, options: OperationOptions) {
      const { get, describe } = requestsByKind[target.kind];
      return describe(await get(clientOf(target), target, options));
    },
    permissions: (target: Target, options: OperationOptions) =>
      listPermissions(clientOf(target), target, options),
    async host(target: OneKeyTarget, options: OperationOptions) {
      const { get, hostOf } = requestsByKind[target.kind];
      return hostOf(await get(clientOf(target), target, options));
    },
  };
}

const Permissions = z.array(
  z.object({
    actions: z._default(z.array(z.string()), []),
    notActions: z._default(z.array(z.string()), []),
  }),
);

/**
 * The caller's permissions on a target, from all roles at all scopes above it.
 *
 * @see https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
 */
async function listPermissions(
  client: DataFactoryManagementClient,
  { resourceId }: Target,
  options: OperationOptions,
): Promise<readonly Permission[]> {
  const path = `${resourceId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`;
  return Permissions.parse(await requestList(client, path, options));
}
