import { DataFactoryManagementClient } from "@azure/arm-datafactory";
import type { TokenCredential } from "@azure/core-auth";
import type { OperationOptions } from "@azure/core-client";
import type { Permission, TargetDescription } from "../domain/inspection.ts";
import type { AuthKeySlot, IntegrationRuntimeTarget, KeySlot, Target } from "../domain/target.ts";
import { regenerateGatewayKey } from "./gatewayKey.ts";
import { listAuthKeys, regenerateAuthKey } from "./integrationRuntimeKeys.ts";
import { describeTarget, listPermissions } from "./targetInspection.ts";
import { userAgent } from "./userAgent.ts";
import { wirePolicy } from "./wire.ts";

export interface DataFactoryOptions {
  readonly credential: TokenCredential;
  /** `https://management.azure.com`, or that of a sovereign cloud. */
  readonly url: string;
  /** The token scope that belongs to the URL. */
  readonly scope: string;
}

/** The SDK's calls for the keys of one subscription's gateways. Each throws what the SDK throws. */
export interface DataFactory {
  /** @returns what the answer has as the new key, unchecked */
  regenerate(target: Target, slot: KeySlot, options: OperationOptions): Promise<unknown>;
  listKeys(
    target: IntegrationRuntimeTarget,
    options: OperationOptions,
  ): Promise<Readonly<Record<AuthKeySlot, unknown>>>;
  describe(target: Target, options: OperationOptions): Promise<Exclude<TargetDescription["kind"], "failed">>;
  permissions(target: Target, options: OperationOptions): Promise<readonly Permission[]>;
}

/** Opens the calls of one subscription. Each sends one request: no retries of the SDK, no redirects. */
export function openDataFactory(
  { credential, url, scope }: DataFactoryOptions,
  subscriptionId: string,
): DataFactory {
  const client = new DataFactoryManagementClient(credential, subscriptionId, {
    endpoint: url,
    $host: url,
    credentialScopes: scope,
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: userAgent },
  });
  client.pipeline.addPolicy(wirePolicy, { afterPhase: "Sign" });
  return {
    regenerate: (target, slot, options) =>
      target.kind === "gatewayV1"
        ? regenerateGatewayKey(client, target, options)
        : regenerateAuthKey(client, target, slot, options),
    listKeys: (target, options) => listAuthKeys(client, target, options),
    describe: (target, options) => describeTarget(client, target, options),
    permissions: (target, options) => listPermissions(client, target, options),
  };
}
