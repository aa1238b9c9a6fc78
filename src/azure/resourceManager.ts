import type { OperationOptions } from "@azure/core-client";
import type {
  CallProblem,
  CallTrace,
  ClientRequestId,
  GatewayKeys,
  ListKeysOutcome,
  RegenerateOutcome,
} from "../domain/attempt.ts";
import type {
  HostOutcome,
  PermissionsOutcome,
  TargetDescription,
  TargetInspector,
} from "../domain/inspection.ts";
import type { KeySlot, OneKeyTarget, Target, TwoKeyTarget } from "../domain/target.ts";
import { classifyFailure, failedRead } from "./classifyFailure.ts";
import type { ResourceManagerClient, ResourceManagerClientOptions } from "./resourceManagerClient.ts";
import { callOverWire, type WireRecord, type WireResult } from "./wire.ts";

export interface ResourceManagerOptions extends ResourceManagerClientOptions {
  /** The time limit of one call, its token included, in milliseconds. */
  readonly callTimeoutMs: number;
}

const service = "Resource Manager";

/**
 * Azure Resource Manager's operations on gateways and their keys. A regenerate is one HTTP request and no more, because
 * each makes another key. The first call loads the SDK. The methods never throw.
 */
export function createResourceManager(options: ResourceManagerOptions): GatewayKeys & TargetInspector {
  let opening: Promise<ResourceManagerClient> | undefined;

  async function call<T>(
    clientRequestId: string,
    send: (client: ResourceManagerClient, operation: OperationOptions) => Promise<T>,
  ): Promise<WireResult<T>> {
    opening ??= import("./resourceManagerClient.ts").then(({ openResourceManagerClient }) =>
      openResourceManagerClient(options),
    );
    const client = await opening;
    const customHeaders = { "x-ms-client-request-id": clientRequestId };
    const result = await callOverWire(options.callTimeoutMs, (abortSignal) =>
      send(client, { abortSignal, requestOptions: { customHeaders } }),
    );
    // The pipeline keeps the refused token.
    if (result.wire.tokenRenewed) opening = undefined;
    return result;
  }

  async function regenerate(
    target: Target,
    slot: KeySlot,
    clientRequestId: ClientRequestId,
  ): Promise<RegenerateOutcome> {
    const result = await call(clientRequestId, (client, operation) =>
      client.regenerate(target, slot, operation),
    );
    const trace = traceOf(clientRequestId, result.wire);
    if (result.kind === "error") {
      const { kind, problem } = classifyFailure(service, result);
      return { kind: kind === "refused" ? "unchanged" : "unknown", problem, trace };
    }
    if (result.value !== undefined) return { kind: "applied", key: result.value, trace };
    return { kind: "unknown", problem: incomplete(result.wire, "a usable key"), trace };
  }

  async function listKeys(target: TwoKeyTarget): Promise<ListKeysOutcome> {
    const result = await call(crypto.randomUUID(), (client, operation) => client.listKeys(target, operation));
    if (result.kind === "error") return failedRead(service, result);
    const { value: keys, wire } = result;
    return keys === undefined
      ? { kind: "failed", problem: incomplete(wire, "both keys") }
      : { kind: "listed", keys, remainingSubscriptionWrites: remainingWrites(wire) };
  }

  async function describe(target: Target): Promise<TargetDescription> {
    const result = await call(crypto.randomUUID(), (client, operation) => client.describe(target, operation));
    return result.kind === "error" ? failedRead(service, result) : { kind: result.value };
  }

  async function permissions(target: Target): Promise<PermissionsOutcome> {
    const result = await call(crypto.randomUUID(), (client, operation) =>
      client.permissions(target, operation),
    );
    return result.kind === "error"
      ? failedRead(service, result)
      : { kind: "read", permissions: result.value };
  }

  async function host(target: OneKeyTarget): Promise<HostOutcome> {
    const result = await call(crypto.randomUUID(), (client, operation) => client.host(target, operation));
    return result.kind === "error" ? failedRead(service, result) : { kind: "read", host: result.value };
  }

  return { regenerate, listKeys, describe, permissions, host };
}

function incomplete({ status }: WireRecord, missing: string): CallProblem {
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
