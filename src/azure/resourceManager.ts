import type { PipelinePolicy } from "@azure/core-rest-pipeline";
import * as z from "zod/mini";
import type { CallProblem, CallTrace, ClientRequestId, GatewayKeys } from "../domain/attempt.ts";
import type { TargetInspector } from "../domain/inspection.ts";
import type { Target } from "../domain/target.ts";
import { classifyFailure, failedRead } from "./classifyFailure.ts";
import { type RequestTerms, requestList } from "./gatewayKinds/kindRequests.ts";
import { requestsByKind } from "./gatewayKinds/requestsByKind.ts";
import { type ClientOptions, callsThrough, userAgent, type WireRecord, wirePolicy } from "./wire.ts";

export interface ResourceManagerOptions extends ClientOptions {
  /** `https://management.azure.com`, or that of a sovereign cloud. */
  readonly url: string;
  /** The token scope that belongs to the URL. */
  readonly scope: string;
}

/** A service may send null in place of an absent list. */
const Actions = z.pipe(
  z.nullish(z.array(z.string())),
  z.transform((actions) => actions ?? []),
);
const Permissions = z.array(z.object({ actions: Actions, notActions: Actions }));

/**
 * Azure Resource Manager's operations on gateways and their keys. A regenerate is one HTTP request and no more, because
 * each makes another key. The first call loads the SDK. The methods never throw.
 */
export function createResourceManager(options: ResourceManagerOptions): GatewayKeys & TargetInspector {
  const call = resourceManagerCalls(options);

  return {
    async regenerate(target, slot, clientRequestId) {
      const { regenerate } = requestsByKind[target.kind];
      const result = await call(target, (terms) => regenerate(terms, target, slot), clientRequestId);
      const trace = traceOf(clientRequestId, result.wire);
      if (result.kind === "error") {
        const { kind, problem } = classifyFailure(result);
        return { kind: kind === "refused" ? "unchanged" : "unknown", problem, trace };
      }
      if (result.value !== undefined) return { kind: "applied", key: result.value, trace };
      return { kind: "unknown", problem: incomplete(result.wire, "a usable key"), trace };
    },

    async listKeys(target) {
      const { listKeys } = requestsByKind[target.kind];
      const result = await call(target, (terms) => listKeys(terms, target));
      if (result.kind === "error") return failedRead(result);
      const { value: keys, wire } = result;
      return keys === undefined
        ? { kind: "failed", problem: incomplete(wire, "both keys") }
        : { kind: "listed", keys, remainingSubscriptionWrites: remainingWrites(wire) };
    },

    async describe(target) {
      const { get, describe } = requestsByKind[target.kind];
      const result = await call(target, async (terms) => describe(await get(terms, target)));
      return result.kind === "error" ? failedRead(result) : { kind: result.value };
    },

    /** @see https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource */
    async permissions(target) {
      const path = `${target.resourceId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`;
      const result = await call(target, async (terms) => Permissions.parse(await requestList(terms, path)));
      return result.kind === "error" ? failedRead(result) : { kind: "read", permissions: result.value };
    },

    async host(target) {
      const { get, hostOf } = requestsByKind[target.kind];
      const result = await call(target, async (terms) => hostOf(await get(terms, target)));
      return result.kind === "error" ? failedRead(result) : { kind: "read", host: result.value };
    },
  };
}

/**
 * Calls through one pipeline, which all subscriptions and all kinds of gateways share: one token, user agent and log, no
 * redirects.
 *
 * @param retries the SDK's retries, and a policy for its retry phase; only for lists, which change nothing
 */
export function resourceManagerCalls(
  { credential, url, scope, callTimeoutMs }: ResourceManagerOptions,
  retries?: { readonly maxRetries: number; readonly policy: PipelinePolicy },
) {
  const load = () => import("@azure/arm-datafactory");
  const calls = callsThrough("Resource Manager", load, ({ DataFactoryManagementClient }) => {
    const options = {
      endpoint: url,
      $host: url,
      credentialScopes: scope,
      retryOptions: { maxRetries: retries?.maxRetries ?? 0 },
      redirectOptions: { maxRetries: 0 },
      userAgentOptions: { userAgentPrefix: userAgent },
    };
    // A client makes its own pipeline unless it gets one. Nothing in the pipeline belongs to one subscription.
    const { pipeline } = new DataFactoryManagementClient(credential, "", options);
    if (retries !== undefined) pipeline.addPolicy(retries.policy, { phase: "Retry" });
    pipeline.addPolicy(wirePolicy(credential.refused), { afterPhase: "Sign" });
    return (subscriptionId: string) =>
      new DataFactoryManagementClient(credential, subscriptionId, { ...options, pipeline });
  });

  return <T>(
    { subscriptionId }: Pick<Target, "subscriptionId">,
    send: (terms: RequestTerms) => Promise<T>,
    clientRequestId: string = crypto.randomUUID(),
  ) =>
    calls(callTimeoutMs, (clientFor, abortSignal) => {
      const requestOptions = {
        customHeaders: { accept: "application/json", "x-ms-client-request-id": clientRequestId },
      };
      return send({ client: clientFor(subscriptionId), options: { abortSignal, requestOptions } });
    });
}

function incomplete({ service, status }: WireRecord, missing: string): CallProblem {
  const message = `${service} answered ${status ?? "without a status"}, but without ${missing}.`;
  return { code: "no-key-in-answer", message, transient: true };
}

function remainingWrites(wire: WireRecord): number | undefined {
  const remaining = wire.header("x-ms-ratelimit-remaining-subscription-writes");
  return remaining !== undefined && /^\d+$/.test(remaining) ? Number(remaining) : undefined;
}

function traceOf(clientRequestId: ClientRequestId, wire: WireRecord): CallTrace {
  return {
    clientRequestId,
    requestId: wire.header("x-ms-request-id"),
    correlationRequestId: wire.header("x-ms-correlation-request-id"),
    routingRequestId: wire.header("x-ms-routing-request-id"),
    remainingSubscriptionWrites: remainingWrites(wire),
    status: wire.status,
    durationMs: wire.durationMs,
  };
}
