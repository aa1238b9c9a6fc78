import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { OperationOptions } from "@azure/core-client";
import type { Pipeline } from "@azure/core-rest-pipeline";
import * as z from "zod/mini";
import type { HostStatus, Permission, TargetDescription } from "../domain/inspection.ts";
import type { Redacted } from "../domain/redacted.ts";
import type { AuthKeySlot, KeySlot, OneKeyTarget, Target, TwoKeyTarget } from "../domain/target.ts";
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

/** The requests to Resource Manager. Each throws what the SDK throws. */
export interface ResourceManagerClient {
  /** @returns undefined if the answer has no usable key */
  regenerate(target: Target, slot: KeySlot, options: OperationOptions): Promise<Redacted | undefined>;
  /** @returns undefined if the answer does not have both keys */
  listKeys(
    target: TwoKeyTarget,
    options: OperationOptions,
  ): Promise<Readonly<Record<AuthKeySlot, Redacted>> | undefined>;
  describe(target: Target, options: OperationOptions): Promise<Exclude<TargetDescription["kind"], "failed">>;
  permissions(target: Target, options: OperationOptions): Promise<readonly Permission[]>;
  host(target: OneKeyTarget, options: OperationOptions): Promise<HostStatus>;
}

/** What all requests to Resource Manager go through: one token, user agent, logging. */
export interface ResourceManagerPipeline {
  readonly pipeline: Pipeline;
  clientFor(subscriptionId: string): DataFactoryManagementClient;
}

/**
 * Opens the pipeline that all subscriptions and all kinds of gateways share, without redirects.
 *
 * @param retryOptions of the SDK's own retries
 */
export function openPipeline(
  { credential, url, scope }: ResourceManagerClientOptions,
  retryOptions: { readonly maxRetries: number },
): ResourceManagerPipeline {
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
    clientFor: (subscriptionId) =>
      new DataFactoryManagementClient(credential, subscriptionId, { ...options, pipeline }),
  };
}

/** Opens the requests, without the SDK's retries. A module of its own, so that the bundle loads the SDK lazily. */
export function openResourceManagerClient(options: ResourceManagerClientOptions): ResourceManagerClient {
  const { clientFor } = openPipeline(options, { maxRetries: 0 });
  const clientOf = ({ subscriptionId }: Target) => clientFor(subscriptionId);
  return {
    regenerate: (target, slot, options) =>
      requestsByKind[target.kind].regenerate(clientOf(target), target, slot, options),
    listKeys: (target, options) => requestsByKind[target.kind].listKeys(clientOf(target), target, options),
    async describe(target, options) {
      const { get, describe } = requestsByKind[target.kind];
      return describe(await get(clientOf(target), target, options));
    },
    permissions: (target, options) => listPermissions(clientOf(target), target, options),
    async host(target, options) {
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
